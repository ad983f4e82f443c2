#include <sys/utsname.h>

#include <chrono>
#include <cstring>

#include "bluestem/cli/command.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/verify.h"
#include "bluestem/kernels/isa.h"
#include "bluestem/predict/evaluate.h"
#include "bluestem/runtime/session.h"

namespace bluestem::cli {
namespace {

using Rows = std::vector<std::vector<Tensor>>;

constexpr int kLatencyRuns = 15;

// Returns where two tensors differ first, as "element 3: 0.5 instead of 0.25".
std::string Describe(const Tensor& expected, const Tensor& actual) {
  if (expected.size() != actual.size() || expected.dtype() != actual.dtype()) {
    return fmt::format("{} {} instead of {} {}", DTypeName(actual.dtype()),
                       ShapeText(actual.shape()), DTypeName(expected.dtype()),
                       ShapeText(expected.shape()));
  }
  const int64_t element_bytes = DTypeBytes(expected.dtype());
  for (int64_t i = 0; i < expected.size(); ++i) {
    const int64_t at = i * element_bytes;
    if (std::memcmp(expected.raw() + at, actual.raw() + at, element_bytes) != 0) {
      return fmt::format("element {}: {:.9g} instead of {:.9g}", i, actual.At(i), expected.At(i));
    }
  }
  return "";
}

Status CheckEqual(const std::string& where, const Sample& sample,
                  const std::vector<Tensor>& expected, const std::vector<Tensor>& actual) {
  for (size_t o = 0; o < expected.size(); ++o) {
    const std::string difference = Describe(expected[o], actual[o]);
    if (difference.empty()) continue;
    return Error(Code::kMismatch,
                 "{}: the library for {} and the interpreter differ: output {}, {}; the layers of "
                 "the program are those of bluestem inspect",
                 sample.name, where, o, difference);
  }
  return OkStatus();
}

double MedianLatency(runtime::Session& session, const std::vector<Tensor>& inputs) {
  std::vector<double> seconds;
  for (int i = 0; i < kLatencyRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!session.Run(inputs).ok()) return 0;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds.push_back(took.count());
  }
  return predict::Median(std::move(seconds));
}

Status RunHere(const Path& library, const core::LoadedModel& model,
               const std::vector<Sample>& samples, const Rows& expected, LibraryReport& report) {
  for (const kernels::Isa isa : kernels::kIsas) {
    if (isa == kernels::Isa::kReference) continue;  // slow
    const std::string name = kernels::IsaName(isa);
    auto session = runtime::LoadLibrary(library, name);
    if (!session.ok() && session.status().code() == Code::kUnavailable) continue;
    if (!session.ok()) return session.status();
    for (size_t i = 0; i < samples.size(); ++i) {
      if (Interrupted()) return InterruptedStatus();
      BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs,
                                ProgramInputs(samples[i], model, (*session)->inputs()));
      BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> actual, (*session)->Run(inputs));
      BLUESTEM_RETURN_IF_ERROR(
          CheckEqual(report.target + " (" + name + ")", samples[i], expected[i], actual));
      if (i == 0 && report.isas.empty()) {
        report.latency_seconds_median = MedianLatency(**session, inputs);
      }
    }
    report.isas += (report.isas.empty() ? "" : " ") + name;
  }
  if (report.isas.empty()) report.not_run = "this CPU has none of its instruction sets";
  return OkStatus();
}

// Runs all samples through the artefact's own program in one go: raw inputs one after the other,
// and so the outputs.
Result<Bytes> RunRaw(const std::vector<std::string>& command, const Path& artefact,
                     const Bytes& inputs) {
  BLUESTEM_ASSIGN_OR_RETURN(const StagedFolder scratch, StagedFolder::Create(artefact / "verify"));
  const Path in = scratch.path() / "in.bin";
  const Path out = scratch.path() / "out.bin";
  BLUESTEM_RETURN_IF_ERROR(WriteFile(in, inputs));
  std::vector<std::string> words = command;
  words.insert(words.end(), {"--raw-in", in.string(), "--raw-out", out.string()});
  BLUESTEM_ASSIGN_OR_RETURN(const ProcessResult process, RunProcess(words));
  if (Interrupted()) return InterruptedStatus();
  if (process.exit_code != 0) {
    return Error(Code::kMismatch, "{} ended with exit code {}: {}", command.back(),
                 process.exit_code, process.output);
  }
  return ReadFile(out);
}

// Takes tensors shaped as `like` from `bytes` at `at`, which moves on.
Result<std::vector<Tensor>> TakeTensors(const Bytes& bytes, const std::vector<Tensor>& like,
                                        size_t& at) {
  std::vector<Tensor> tensors;
  for (const Tensor& tensor : like) {
    Tensor taken(tensor.dtype(), tensor.shape());
    const auto size = static_cast<size_t>(taken.bytes());
    if (bytes.size() - at < size) {
      return Error(Code::kMismatch, "{} bytes of output; more were expected", bytes.size());
    }
    std::memcpy(taken.raw(), bytes.data() + at, size);
    at += size;
    tensors.push_back(std::move(taken));
  }
  return tensors;
}

Status RunUnderEmulator(const Path& artefact, const codegen::Target& target,
                        const core::LoadedModel& model, const std::vector<Sample>& samples,
                        const Rows& expected, const std::vector<program::TensorInfo>& infos,
                        LibraryReport& report) {
  std::vector<std::string> command = SplitWords(target.emulator);
  const Path emulator = command.empty() ? Path() : FindProgram(command[0]);
  if (emulator.empty()) {
    report.not_run = command.empty() ? "no emulator for it" : command[0] + " is not installed";
    return OkStatus();
  }
  report.isas = command[0];
  command[0] = emulator.string();
  command.push_back((artefact / "bin" / fmt::format("bluestem-run-{}", target.name)).string());
  Bytes inputs;
  for (const Sample& sample : samples) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> tensors,
                              ProgramInputs(sample, model, infos));
    for (const Tensor& tensor : tensors) {
      inputs.insert(inputs.end(), tensor.raw(), tensor.raw() + tensor.bytes());
    }
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes outputs, RunRaw(command, artefact, inputs));
  size_t at = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> actual,
                              TakeTensors(outputs, expected[i], at));
    BLUESTEM_RETURN_IF_ERROR(CheckEqual(target.name, samples[i], expected[i], actual));
  }
  return OkStatus();
}

}  // namespace

Result<LibraryReport> VerifyLibrary(const Path& artefact, const codegen::Target& target,
                                    const core::LoadedModel& model, const core::Compiled& compiled,
                                    const std::vector<Sample>& samples, const Rows& expected) {
  LibraryReport report;
  report.target = target.name;
  const codegen::Target* host = core::HostTarget();
  if (host != nullptr && std::strcmp(host->name, target.name) == 0) {
    BLUESTEM_RETURN_IF_ERROR(
        RunHere(core::LibraryPath(artefact, target.name), model, samples, expected, report));
  } else {
    BLUESTEM_RETURN_IF_ERROR(RunUnderEmulator(artefact, target, model, samples, expected,
                                              compiled.program->inputs, report));
  }
  return report;
}

}  // namespace bluestem::cli
