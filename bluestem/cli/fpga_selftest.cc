// bluestem fpga selftest: whether an engine for FPGAs computes what it must.
#include <chrono>
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/fpga/builds.h"
#include "bluestem/fpga/engine/model.h"
#include "bluestem/fpga/engine/self_test.h"
#include "bluestem/fpga/engine/simulation.h"
#include "bluestem/fpga/engine/uio.h"

namespace bluestem::cli {
namespace {

struct SelfTestOptions {
  std::string device = "FPGA";
};

struct OpenEngine {
  std::unique_ptr<fpga::Engine> engine;
  fpga::EnginePort* port = nullptr;  // of `engine`; null without registers
};

Result<OpenEngine> Drive(std::unique_ptr<fpga::EnginePort> port) {
  fpga::EnginePort* const raw = port.get();
  BLUESTEM_ASSIGN_OR_RETURN(auto driver, fpga::EngineDriver::Open(std::move(port)));
  return OpenEngine{std::move(driver), raw};
}

Result<OpenEngine> Open(const std::string& device, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const fpga::EngineBuild build, fpga::ChosenBuild());
  if (device == "FPGA-MODEL") {
    return OpenEngine{std::make_unique<fpga::EngineModel>(build.config), nullptr};
  }
  if (device == "FPGA-SIM") {
    output.Progress("FPGA-SIM: compiling the simulation, unless it is there");
    const auto library =
        fpga::BuildSimulation(fpga::SimulationFolder(), {.config = build.config}, nullptr);
    output.EndProgress();
    if (!library.ok()) return library.status();
    BLUESTEM_ASSIGN_OR_RETURN(auto port, fpga::SimulationPort::Open(*library));
    return Drive(std::move(port));
  }
  if (device == "FPGA") {
    BLUESTEM_ASSIGN_OR_RETURN(auto port, fpga::UioPort::Open());
    return Drive(std::move(port));
  }
  return Error(Code::kInvalidArgument,
               "--device {}: it has no engine to test; expected FPGA, FPGA-SIM or FPGA-MODEL",
               device);
}

// An engine, and what its lists took so far.
class Timed : public fpga::Engine {
 public:
  explicit Timed(fpga::Engine& engine) : engine_(engine) {}
  const fpga::EngineConfig& config() const override { return engine_.config(); }
  fpga::EngineResult Run(std::vector<uint8_t>& buffer, uint32_t list,
                         const fpga::CancelWatch& cancel) override {
    const auto begin = std::chrono::steady_clock::now();
    fpga::EngineResult result = engine_.Run(buffer, list, cancel);
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    clocks_ += result.clocks;
    return result;
  }
  int64_t clocks() const { return clocks_; }
  double seconds() const { return seconds_; }
  double Rate() const { return static_cast<double>(clocks_) / seconds_; }  // clocks a second

 private:
  fpga::Engine& engine_;
  int64_t clocks_ = 0;
  double seconds_ = 0;
};

Status SelfTest(const SelfTestOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const OpenEngine open, Open(options.device, output));
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  Timed engine(*open.engine);
  size_t failed = 0;
  std::string first;
  for (const fpga::SelfTestCase& test : fpga::SelfTestCases()) {
    if (Interrupted()) return InterruptedStatus();
    const fpga::SelfTestStep step = test.run(engine, open.port);
    output.Line("{:<7} {:<17} {}", step.passed ? "ok" : "FAILED", test.name, step.result);
    rows.push_back({{"test", test.name}, {"passed", step.passed}, {"result", step.result}});
    if (step.passed) continue;
    if (failed++ == 0) first = fmt::format("{}: {}", test.name, step.result);
  }
  nlohmann::ordered_json document = {
      {"device", options.device}, {"passed", failed == 0}, {"tests", std::move(rows)}};
  if (open.port != nullptr && engine.clocks() > 0) {  // else nothing counts them
    output.Line("{} clocks in {} ({:.2f} million clocks a second)", CountText(engine.clocks()),
                SecondsText(engine.seconds()), engine.Rate() / 1e6);
    document["clocks"] = engine.clocks();
    document["seconds"] = engine.seconds();
    document["clocks_per_second"] = engine.Rate();
  }
  output.Json(document);
  if (failed == 0) return OkStatus();
  return Error(Code::kMismatch, "{}: {} of {} tests failed; the first: {}", options.device, failed,
               fpga::SelfTestCases().size(), first);
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<SelfTestOptions>();
  line.Add("-d,--device", options->device, "FPGA, FPGA-SIM or FPGA-MODEL (default: FPGA)");
  return [options](Output& output) { return SelfTest(*options, output); };
}

}  // namespace

Command FpgaSelfTestCommand() {
  return {.name = "fpga selftest",
          .usage = "",
          .summary = "Test the engine of a board, or of its simulation",
          .description =
              "Reads the engine's identity and capabilities, writes and reads its scratch register "
              "and all of\n"
              "its map memory, runs random convolutions and a network of six layers and compares "
              "each bit with\n"
              "the functional model, and sees that bad lists end with their status. A line a test, "
              "and where\n"
              "the device counts them the clocks of all lists and the time they took; 7 where a "
              "test failed.",
          .example = "bluestem fpga selftest\nbluestem fpga selftest -d FPGA-SIM --json",
          .codes = {Code::kIo, Code::kUnavailable, Code::kMismatch},
          .setup = Setup};
}

}  // namespace bluestem::cli
