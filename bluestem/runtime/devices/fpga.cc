// FPGA-MODEL: the engine (fpga/engine) as C++: exact results, and the clocks that its formula
// gives. FPGA-SIM: its RTL, simulated clock by clock, behind the driver that a board has. FPGA: a
// board's, not tried on one.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/engine/model.h"
#include "bluestem/fpga/engine/simulation.h"
#include "bluestem/fpga/engine/uio.h"
#include "bluestem/fpga/pack.h"
#include "bluestem/fpga/region.h"
#include "bluestem/runtime/devices/devices.h"
#include "bluestem/runtime/execute.h"

namespace bluestem::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMegahertz = 125;  // that the engine is meant to reach on a Cyclone V
// What a region costs besides its clocks, on the board's processor: the doorbell, the interrupt and
// the way back. Estimates; no board was measured.
constexpr double kReachNanoseconds = 20'000;
constexpr double kNanosecondsAByte = 1.5;  // to pack a code into words, or to unpack it

class FpgaRunner : public Runner {
 public:
  FpgaRunner(std::string device, std::shared_ptr<const program::Program> program,
             std::vector<Region> regions, std::unique_ptr<fpga::Engine> engine, int32_t batch)
      : device_(std::move(device)),
        program_(std::move(program)),
        regions_(std::move(regions)),
        engine_(std::move(engine)),
        most_(std::clamp(batch, 1, fpga::kMostPictures)) {}

  ~FpgaRunner() override {
    for (const fpga::EngineProgram& compiled : compiled_) engine_->Release(compiled.buffer);
  }

  // Takes the regions that `pack` (may be null) has and compiles the others. Errors: CheckEngine's,
  // CompileRegion's; kUnavailable where the engine's memory is too small.
  Status Compile(const fpga::EnginePack* pack) {
    if (pack != nullptr) BLUESTEM_RETURN_IF_ERROR(pack->CheckEngine(engine_->config()).At(device_));
    for (const Region& region : regions_) {
      const auto* packed = pack == nullptr ? nullptr : pack->Find(region.begin, region.end);
      if (packed != nullptr) {
        compiled_.push_back(*packed);
        continue;
      }
      BLUESTEM_ASSIGN_OR_RETURN(
          fpga::EngineProgram compiled,
          fpga::CompileRegion(*program_, region.begin, region.end, engine_->config(), most_));
      compiled_.push_back(std::move(compiled));
    }
    for (const fpga::EngineProgram& compiled : compiled_) {
      const Status kept = engine_->Keep(compiled.buffer);
      if (!kept.ok()) return kept.At(device_);
    }
    return OkStatus();
  }

  Status Run(size_t region, const Spaces& spaces, const std::atomic<bool>* cancel,
             std::vector<OpProfile>* rows) override {
    RegionRun run = {&spaces, cancel, rows, {}};
    RunTogether(region, {&run, 1});
    return run.status;
  }

  int32_t batch() const override {
    size_t most = 1;
    for (const fpga::EngineProgram& compiled : compiled_) {
      most = std::max(most, fpga::MostPictures(compiled));
    }
    return std::min(static_cast<int32_t>(most), most_);
  }

  void RunTogether(size_t region, std::span<RegionRun> runs) override {
    std::vector<RegionRun*> left;
    for (RegionRun& run : runs) {
      if (run.status.ok() && IsCancelled(run)) {
        run.status = Error(Code::kInterrupted, "cancelled before a region of {}", device_);
      }
      if (run.status.ok()) left.push_back(&run);
    }
    for (std::span<RegionRun*> rest = left; !rest.empty();) {
      const List list = LongestList(compiled_[region], rest.size());
      const Status status = RunList(region, list, rest.first(list.pictures));
      for (RegionRun* run : rest.first(list.pictures)) run->status = status;
      rest = rest.subspan(list.pictures);
    }
  }

 private:
  static bool IsCancelled(const RegionRun& run) {
    return run.cancel != nullptr && run.cancel->load(std::memory_order_relaxed);
  }

  struct List {
    size_t pictures = 1;
    uint32_t address = 0;
    const std::vector<int64_t>* calls = nullptr;  // of each descriptor
  };

  // Returns the list of the most pictures, but at most `count`.
  List LongestList(const fpga::EngineProgram& compiled, size_t count) const {
    List list = {1, compiled.list, &compiled.calls};
    for (const fpga::BatchList& batch : compiled.batches) {
      const auto pictures = static_cast<size_t>(batch.pictures);
      if (batch.pictures <= most_ && pictures <= count) list = {pictures, batch.list, &batch.calls};
    }
    return list;
  }

  // A list of several pictures ends early where all of them are cancelled.
  Status RunList(size_t region, const List& list, std::span<RegionRun* const> runs) {
    fpga::EngineProgram& compiled = compiled_[region];
    pictures_ = static_cast<int64_t>(list.pictures);
    start_ = Clock::now();
    for (size_t picture = 0; picture < runs.size(); ++picture) {
      const Spaces& spaces = *runs[picture]->spaces;
      for (const size_t call : compiled.host_calls) {
        Execute(program_->calls[call], std::monostate{}, spaces, {nullptr, 1, nullptr, 0});
      }
      for (const fpga::MapPort& port : compiled.inputs) {
        fpga::EncodeMap(port, ReadAddress(port.operand, spaces), compiled.buffer, picture);
      }
    }
    AddRows(runs, "encode");
    std::vector<const std::atomic<bool>*> cancels;
    for (const RegionRun* run : runs) cancels.push_back(run->cancel);
    const fpga::EngineResult result =
        engine_->Run(compiled.buffer, list.address, fpga::CancelWatch(cancels));
    if (!result.refusal.empty()) {
      return Error(Code::kUnavailable, "{}: {}", device_, result.refusal);
    }
    if (result.status == fpga::EngineStatus::kAborted) {
      return Error(Code::kInterrupted, "cancelled at descriptor {} of {}", result.index, device_);
    }
    if (result.status != fpga::EngineStatus::kDone) {
      return Error(Code::kInternal, "{}: descriptor {}: {}", device_, result.index,
                   fpga::EngineStatusText(result.status));
    }
    for (const RegionRun* run : runs) {
      if (run->rows != nullptr) AddCalls(region, *list.calls, result, *run->rows);
    }
    start_ = Clock::now();
    for (size_t picture = 0; picture < runs.size(); ++picture) {
      for (const fpga::MapPort& port : compiled.outputs) {
        fpga::DecodeMap(port, compiled.buffer, WriteAddress(port.operand, *runs[picture]->spaces),
                        picture);
      }
    }
    AddRows(runs, "decode");
    return OkStatus();
  }

  // Of what pictures took together each has its share.
  void AddRow(std::vector<OpProfile>& rows, const char* what, int64_t cycles) const {
    const std::chrono::nanoseconds elapsed = Clock::now() - start_;
    rows.push_back({.op = what,
                    .kernel = what,
                    .device = device_,
                    .nanoseconds = elapsed.count() / pictures_,
                    .cycles = cycles / pictures_});
  }
  void AddRows(std::span<RegionRun* const> runs, const char* what) const {
    for (const RegionRun* run : runs) {
      if (run->rows != nullptr) AddRow(*run->rows, what, 0);
    }
  }

  std::string KernelOf(const program::Call& call) const {
    if (fpga::AsConv(call) != nullptr) {
      return pictures_ == 1 ? "engine" : fmt::format("engine, a share of {}", pictures_);
    }
    return fpga::IsMove(call) ? "engine (while it is written)" : "engine (read where it lies)";
  }

  // A row for the maps that come in, one a call with the clocks of its descriptors, one for the
  // maps that go out. The model's own time is all of the region's: it stands with the first row.
  void AddCalls(size_t region, const std::vector<int64_t>& calls, const fpga::EngineResult& result,
                std::vector<OpProfile>& rows) const {
    int64_t in = 0, out = 0;
    std::vector<int64_t> cycles(program_->calls.size(), 0);
    for (size_t i = 0; i < result.trace.size(); ++i) {
      const fpga::CommandTrace& trace = result.trace[i];
      const int64_t clocks = trace.end - trace.start;
      switch (trace.command.opcode) {
        case fpga::Opcode::kConv: cycles[static_cast<size_t>(calls[i])] += clocks; break;
        case fpga::Opcode::kStoreMap: out += clocks; break;
        default: in += clocks;
      }
    }
    if (result.trace.empty()) {
      AddRow(rows, "engine", result.clocks);  // which told no more
    } else {
      AddRow(rows, "transfer in", in);
    }
    for (size_t i = regions_[region].begin; i < regions_[region].end; ++i) {
      const program::Call& call = program_->calls[i];
      rows.push_back({.op = call.op,
                      .kernel = KernelOf(call),
                      .device = device_,
                      .x_bits = call.x_bits,
                      .w_bits = call.w_bits,
                      .macs = call.macs,
                      .cycles = cycles[i] / pictures_});
    }
    rows.push_back({.op = "transfer out",
                    .kernel = "transfer out",
                    .device = device_,
                    .cycles = out / pictures_});
  }

  std::string device_;
  std::shared_ptr<const program::Program> program_;
  std::vector<Region> regions_;
  std::unique_ptr<fpga::Engine> engine_;
  std::vector<fpga::EngineProgram> compiled_;
  int32_t most_;  // pictures of a list
  // Of the list that runs.
  Clock::time_point start_;
  int64_t pictures_ = 1;
};

// What the engines have in common: the calls that they take, and what those cost on the board.
class FpgaDevice : public Device {
 public:
  explicit FpgaDevice(const fpga::EngineConfig& config) : config_(config) {}
  std::vector<DeviceProperty> properties() const override {
    return {
        {"engine",
         fmt::format("version {}, {} x {} channels x {} pixels a clock", fpga::kEngineVersion,
                     fpga::kLanes, config_.outputs, config_.pixels)},
        {"clock", fmt::format("{:.0f} MHz assumed", kMegahertz)},
        {"exact", "results, and clocks: " + Clocks()},
        {"memory", fmt::format("4 x {} words of maps, {} weight words", config_.bank_words,
                               config_.weight_words)},
        {"adds", fpga::ResidualText(config_)},
        {"takes",
         "convolutions of codes of 1 and 2 bits (8 bits first) with 1-bit weights; codes of 2 bits "
         "stay, pooled or rearranged to depth, other results leave as accumulators"}};
  }

  std::string Refusal(const program::Program& program, const program::Call& call) const override {
    return fpga::Refusal(program, IndexOf(program, call), config_);
  }

  // What is packed was compiled before.
  RegionEnd Reach(const program::Program& program, size_t begin, size_t end,
                  const DeviceOptions& options) const override {
    if (options.pack != nullptr && options.pack->Find(begin, end) != nullptr) return {end, ""};
    std::string reason = fpga::RegionRefusal(program, begin, end, config_);
    return {end, std::move(reason)};
  }

  double CallNanoseconds(const program::Call& call, const DeviceOptions&) const override {
    return static_cast<double>(fpga::CallClocks(call, config_)) * 1e3 / kMegahertz;
  }

  double TransferNanoseconds(int64_t bytes) const override {
    return kReachNanoseconds / 2 + static_cast<double>(bytes) * kNanosecondsAByte;
  }

  std::string host_isa() const override { return "neon"; }  // the board's Cortex-A9

  Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                          std::vector<Region> regions,
                                          const DeviceOptions& options) const override {
    BLUESTEM_ASSIGN_OR_RETURN(std::unique_ptr<fpga::Engine> engine, MakeEngine());
    auto runner = std::make_unique<FpgaRunner>(name(), std::move(program), std::move(regions),
                                               std::move(engine), options.batch);
    BLUESTEM_RETURN_IF_ERROR(runner->Compile(options.pack.get()));
    return std::unique_ptr<Runner>(std::move(runner));
  }

  Result<std::shared_ptr<const fpga::EnginePack>> Pack(
      const program::Program& program, const std::vector<Region>& regions) const override {
    auto pack = std::make_shared<fpga::EnginePack>();
    pack->config = config_;
    for (const Region& region : regions) {
      BLUESTEM_ASSIGN_OR_RETURN(
          fpga::EngineProgram compiled,
          fpga::CompileRegion(program, region.begin, region.end, config_, fpga::kMostPictures));
      pack->regions.push_back({region.begin, region.end, std::move(compiled)});
    }
    return std::shared_ptr<const fpga::EnginePack>(std::move(pack));
  }

 protected:
  // Where the clocks come from.
  virtual std::string Clocks() const = 0;
  virtual Result<std::unique_ptr<fpga::Engine>> MakeEngine() const = 0;

  const fpga::EngineConfig config_;

 private:
  static size_t IndexOf(const program::Program& program, const program::Call& call) {
    return static_cast<size_t>(&call - program.calls.data());
  }
};

class FpgaModel : public FpgaDevice {
 public:
  using FpgaDevice::FpgaDevice;
  std::string name() const override { return "FPGA-MODEL"; }

 protected:
  std::string Clocks() const override { return "the RTL's, by a formula"; }
  Result<std::unique_ptr<fpga::Engine>> MakeEngine() const override {
    return std::unique_ptr<fpga::Engine>(std::make_unique<fpga::EngineModel>(config_));
  }
};

class FpgaSimulation : public FpgaDevice {
 public:
  using FpgaDevice::FpgaDevice;
  std::string name() const override { return "FPGA-SIM"; }

 protected:
  std::string Clocks() const override { return "counted by the simulated RTL"; }
  Result<std::unique_ptr<fpga::Engine>> MakeEngine() const override {
    BLUESTEM_ASSIGN_OR_RETURN(const Path library,
                              fpga::BuildSimulation(fpga::SimulationFolder(), {.config = config_},
                                                    [](const std::string& what) {
                                                      fmt::print(stderr, "FPGA-SIM: {}\n", what);
                                                    }));
    BLUESTEM_ASSIGN_OR_RETURN(auto port, fpga::SimulationPort::Open(library));
    BLUESTEM_ASSIGN_OR_RETURN(auto driver, fpga::EngineDriver::Open(std::move(port)));
    if (driver->config() != config_) {
      return Error(Code::kUnavailable,
                   "{}: {}: its memories and features are not those that calls are placed by",
                   name(), library.string());
    }
    return std::unique_ptr<fpga::Engine>(std::move(driver));
  }
};

// A board has one engine, which sessions use in turn.
struct Board {
  std::mutex mutex;
  std::unique_ptr<fpga::EngineDriver> driver;  // guarded by mutex, but for its constant config
};

class BoardEngine : public fpga::Engine {
 public:
  explicit BoardEngine(std::shared_ptr<Board> board) : board_(std::move(board)) {}
  const fpga::EngineConfig& config() const override { return board_->driver->config(); }
  Status Keep(const std::vector<uint8_t>& buffer) override {
    const std::lock_guard lock(board_->mutex);
    return board_->driver->Keep(buffer);
  }
  void Release(const std::vector<uint8_t>& buffer) override {
    const std::lock_guard lock(board_->mutex);
    board_->driver->Release(buffer);
  }
  fpga::EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list,
                         const fpga::CancelWatch& cancel) override {
    const std::lock_guard lock(board_->mutex);
    return board_->driver->Run(buffer, list, cancel);
  }

 private:
  std::shared_ptr<Board> board_;
};

class FpgaBoard : public FpgaDevice {
 public:
  explicit FpgaBoard(const std::shared_ptr<Board>& board)
      : FpgaDevice(board->driver->config()), board_(board) {}
  std::string name() const override { return "FPGA"; }

 protected:
  std::string Clocks() const override { return "counted by the engine"; }
  Result<std::unique_ptr<fpga::Engine>> MakeEngine() const override {
    return std::unique_ptr<fpga::Engine>(std::make_unique<BoardEngine>(board_));
  }

 private:
  std::shared_ptr<Board> board_;
};

}  // namespace

Result<std::shared_ptr<const Device>> OpenFpgaBoard() {
  static std::mutex mutex;
  static std::weak_ptr<Board> open;  // of this process
  const std::lock_guard lock(mutex);
  std::shared_ptr<Board> board = open.lock();
  if (board == nullptr) {
    BLUESTEM_ASSIGN_OR_RETURN(auto port, fpga::UioPort::Open());
    board = std::make_shared<Board>();
    BLUESTEM_ASSIGN_OR_RETURN(board->driver, fpga::EngineDriver::Open(std::move(port)));
    open = board;
  }
  return std::shared_ptr<const Device>(std::make_shared<FpgaBoard>(board));
}

Result<std::shared_ptr<const Device>> OpenFpgaModel() {
  BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
  return std::shared_ptr<const Device>(std::make_shared<FpgaModel>(build.config));
}

Result<std::shared_ptr<const Device>> OpenFpgaSimulation() {
  const std::string missing = fpga::WhyNoSimulation();
  if (!missing.empty()) return Error(Code::kUnavailable, "{}", missing);
  BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
  return std::shared_ptr<const Device>(std::make_shared<FpgaSimulation>(build.config));
}

}  // namespace bluestem::runtime
