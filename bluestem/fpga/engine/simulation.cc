#include "bluestem/fpga/engine/simulation.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "bluestem/base/process.h"

namespace bluestem::fpga {
namespace {

constexpr uint32_t kBufferAddress = 0x20000000;  // on the bus

// FNV-1a, 64 bits: a name for what was compiled, not a proof.
uint64_t Hash(uint64_t hash, const std::string& text) {
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// A defect, put in by the text: "name | file | from | to" is a line of rtl/mutants.txt; behind them
// may stand the build that has it.
Status Mutate(const Path& rtl, const Path& copy, const std::string& name) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string table, ReadTextFile(rtl / "mutants.txt"));
  for (size_t at = 0; at < table.size();) {
    const size_t end = std::min(table.find('\n', at), table.size());
    std::vector<std::string> part;
    for (size_t from = at; from <= end;) {
      const size_t bar = std::min(table.find(" | ", from), end);
      part.push_back(table.substr(from, bar - from));
      from = bar + 3;
    }
    at = end + 1;
    if (part.size() < 4 || part[0] != name) continue;
    BLUESTEM_ASSIGN_OR_RETURN(std::string text, ReadTextFile(copy / part[1]));
    const size_t found = text.find(part[2]);
    if (found == std::string::npos) {
      return Error(Code::kInvalidData, "{}: mutant {}: {} has no \"{}\"",
                   (rtl / "mutants.txt").string(), name, part[1], part[2]);
    }
    return WriteFileUnflushed(copy / part[1], text.replace(found, part[2].size(), part[3]));
  }
  return Error(Code::kInvalidArgument, "{}: no mutant {}", (rtl / "mutants.txt").string(), name);
}

Result<std::vector<Path>> SourcesOf(const Path& rtl) {
  std::vector<Path> sources = {rtl / "sim" / "engine_sim.cc", rtl / "sim" / "engine_sim.h",
                               rtl / "sim" / "memories.vlt"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(rtl, error)) {
    if (entry.path().extension() == ".sv") sources.push_back(entry.path());
  }
  if (error) return Error(Code::kIo, "{}: {}", rtl.string(), error.message());
  std::sort(sources.begin(), sources.end());
  return sources;
}

// The RTL's parameters, as Verilator's arguments.
std::vector<std::string> Parameters(const EngineConfig& config) {
  return {fmt::format("-GPIXELS={}", config.pixels),
          fmt::format("-GOUTPUTS={}", config.outputs),
          fmt::format("-GBANK_WORDS={}", config.bank_words),
          fmt::format("-GWEIGHT_WORDS={}", config.weight_words),
          fmt::format("-GTHRESHOLD_BLOCKS={}", config.threshold_blocks),
          fmt::format("-GTAPS={}", config.taps),
          fmt::format("-GRESIDUAL={}", config.residual ? 1 : 0)};
}

// Compiles the RTL and the library's own source, both copied to `folder`.
Status Compile(const std::vector<Path>& sources, const SimulationOptions& options,
               const Path& folder) {
  std::vector<std::string> words = {"verilator",    "--cc",
                                    "--exe",        "--build",
                                    "-j",           "2",
                                    "-O3",          "--x-assign",
                                    "fast",         "--x-initial",
                                    "fast",         "--noassert",
                                    "-Wno-fatal",   "-Wno-lint",
                                    "--top-module", "engine",
                                    "--prefix",     "Vengine",
                                    "--Mdir",       "build",
                                    "-CFLAGS",      "-fPIC -std=c++17",
                                    "-LDFLAGS",     "-shared",
                                    "-MAKEFLAGS",   "OPT_FAST=-O2 OPT_GLOBAL=-O2",
                                    "-o",           "engine.so"};
  for (std::string& parameter : Parameters(options.config)) words.push_back(std::move(parameter));
  if (options.full_adders) words.emplace_back("-DBLUESTEM_FULL_ADDERS");
  if (options.memories) words.insert(words.end(), {"--vpi", "memories.vlt"});
  for (const Path& source : sources) {
    const Path extension = source.extension();
    if (extension == ".sv" || extension == ".cc") words.push_back(source.filename().string());
  }
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult result, RunProcess(words, folder));
  if (result.exit_code == 0) return OkStatus();
  return Error(Code::kInternal, "the engine's simulation does not compile: {}\n{}",
               ShellText(words), result.output);
}

}  // namespace

Path SimulationFolder() {
  for (const auto& [variable, below] : {std::pair{"BLUESTEM_CACHE", ""},
                                        {"XDG_CACHE_HOME", "bluestem"},
                                        {"HOME", ".cache/bluestem"}}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return Path(value) / below;
  }
  return std::filesystem::temp_directory_path() / "bluestem";
}

std::string WhyNoSimulation() {
  if (FindProgram("verilator").empty()) {
    return "Verilator, which compiles it, is not installed: apt-get install verilator";
  }
  if (FindProgram("g++").empty() || FindProgram("make").empty()) {
    return "no compiler: apt-get install g++ make";
  }
  const Path rtl = SourceRoot() / "bluestem" / "fpga" / "rtl";
  if (!std::filesystem::exists(rtl / "engine.sv")) {
    return fmt::format("{}: no sources of the engine; install bluestem anew", rtl.string());
  }
  return "";
}

Result<Path> BuildSimulation(const Path& folder, const SimulationOptions& options,
                             void (*progress)(const std::string&)) {
  static std::mutex building;  // processes have folders of their own, threads wait
  const std::lock_guard lock(building);
  const std::string missing = WhyNoSimulation();
  if (!missing.empty()) return Error(Code::kUnavailable, "FPGA-SIM: {}", missing);
  const Path rtl = SourceRoot() / "bluestem" / "fpga" / "rtl";
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Path> sources, SourcesOf(rtl));
  uint64_t hash = Hash(0xcbf29ce484222325, options.mutation + (options.full_adders ? "+" : "-") +
                                               (options.memories ? "memories" : ""));
  for (const std::string& parameter : Parameters(options.config)) hash = Hash(hash, parameter);
  for (const Path& source : sources) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(source));
    hash = Hash(Hash(hash, source.filename().string()), text);
  }
  const Path library = folder / fmt::format("engine-{:016x}.so", hash);
  std::error_code error;
  if (std::filesystem::exists(library, error)) return library;
  if (progress != nullptr) {
    progress(fmt::format("compiling the engine's simulation, once, to {}", library.string()));
  }
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(folder));
  const Path work = folder / fmt::format("engine-{:016x}-{}", hash, ::getpid());
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(work));
  const auto build = [&]() -> Status {
    for (const Path& source : sources) {
      std::filesystem::copy_file(source, work / source.filename(), error);
      if (error) return Error(Code::kIo, "{}: {}", source.string(), error.message());
    }
    if (!options.mutation.empty()) {
      BLUESTEM_RETURN_IF_ERROR(Mutate(rtl, work, options.mutation));
    }
    BLUESTEM_RETURN_IF_ERROR(Compile(sources, options, work));
    std::filesystem::rename(work / "build" / "engine.so", library, error);
    if (error) return Error(Code::kIo, "{}: {}", library.string(), error.message());
    return OkStatus();
  };
  const Status status = build();
  std::filesystem::remove_all(work, error);
  BLUESTEM_RETURN_IF_ERROR(status);
  return library;
}

struct SimulationPort::Library {
  decltype(&bluestem_engine_sim_open) open;
  decltype(&bluestem_engine_sim_close) close;
  decltype(&bluestem_engine_sim_memory) memory;
  decltype(&bluestem_engine_sim_bus) bus;
  decltype(&bluestem_engine_sim_flip) flip;
  decltype(&bluestem_engine_sim_reset) reset;
  decltype(&bluestem_engine_sim_read) read;
  decltype(&bluestem_engine_sim_write) write;
  decltype(&bluestem_engine_sim_wait) wait;
  decltype(&bluestem_engine_sim_events) events;
  decltype(&bluestem_engine_sim_bursts) bursts;
  decltype(&bluestem_engine_sim_violation) violation;
};

Result<std::unique_ptr<SimulationPort>> SimulationPort::Open(const Path& path) {
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return Error(Code::kUnavailable, "FPGA-SIM: {}", ::dlerror());
  auto library = std::make_unique<Library>();
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    return function != nullptr;
  };
  if (!find(library->open, "bluestem_engine_sim_open") ||
      !find(library->close, "bluestem_engine_sim_close") ||
      !find(library->memory, "bluestem_engine_sim_memory") ||
      !find(library->bus, "bluestem_engine_sim_bus") ||
      !find(library->flip, "bluestem_engine_sim_flip") ||
      !find(library->reset, "bluestem_engine_sim_reset") ||
      !find(library->read, "bluestem_engine_sim_read") ||
      !find(library->write, "bluestem_engine_sim_write") ||
      !find(library->wait, "bluestem_engine_sim_wait") ||
      !find(library->events, "bluestem_engine_sim_events") ||
      !find(library->bursts, "bluestem_engine_sim_bursts") ||
      !find(library->violation, "bluestem_engine_sim_violation")) {
    return Error(Code::kUnavailable, "FPGA-SIM: {} is no simulation of this version; delete it",
                 path.string());
  }
  return std::unique_ptr<SimulationPort>(new SimulationPort(std::move(library)));
}

SimulationPort::SimulationPort(std::unique_ptr<const Library> library)
    : library_(std::move(library)), sim_(library_->open()) {}

SimulationPort::~SimulationPort() {
  library_->close(sim_);
}

uint32_t SimulationPort::Read(Register offset) {
  return library_->read(sim_, static_cast<uint32_t>(offset));
}

void SimulationPort::Write(Register offset, uint32_t value) {
  library_->write(sim_, static_cast<uint32_t>(offset), value);
}

bool SimulationPort::Wait(int64_t clocks) {
  return library_->wait(sim_, static_cast<uint64_t>(clocks)) != 0;
}

Result<uint32_t> SimulationPort::Attach(std::vector<uint8_t>& buffer,
                                        const std::vector<BufferRange>&) {
  library_->memory(sim_, buffer.data(), buffer.size(), kBufferAddress);
  return kBufferAddress;
}

void SimulationPort::Reset() {
  library_->reset(sim_);
}

std::vector<EnginePort::Event> SimulationPort::TakeEvents() {
  std::vector<Event> events;
  BluestemEngineEvent raw[64];
  uint64_t doorbell = 0;
  while (const uint64_t count = library_->events(sim_, raw, 64)) {
    for (uint64_t i = 0; i < count; ++i) {
      if (raw[i].half == 2 && raw[i].end == 0) doorbell = raw[i].clock;
      events.push_back({raw[i].clock - doorbell, raw[i].half, raw[i].end != 0});
    }
  }
  return events;
}

void SimulationPort::SetBus(const BluestemBus& bus) {
  library_->bus(sim_, &bus);
}

bool SimulationPort::Flip(const std::string& memory, uint32_t word, uint32_t bit, int64_t clocks) {
  return library_->flip(sim_, memory.c_str(), word, bit, static_cast<uint64_t>(clocks)) != 0;
}

int64_t SimulationPort::bursts() const {
  return library_->bursts(sim_);
}

std::string SimulationPort::violation() const {
  return library_->violation(sim_);
}

}  // namespace bluestem::fpga
