// bluestem doctor: what is installed, what is missing and how to get it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/trainer.h"
#include "bluestem/cli/verify.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/program/kernel_choice.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kLeastFreeBytes = uint64_t{500} * 1000 * 1000;

struct Finding {
  std::string what;
  std::string purpose;
  std::string found;    // path or value; empty where it is missing
  std::string package;  // the Debian package that has it
  bool essential = false;
};

struct Tool {
  const char* program;
  const char* purpose;
  const char* package;
};
constexpr Tool kTools[] = {
    {"qemu-aarch64", "verify aarch64 libraries here", "qemu-user"},
    {"qemu-arm", "verify armhf libraries here", "qemu-user"},
    {"python3", "run an artefact's python/run.py", "python3"},
};

std::vector<Finding> Look() {
  std::vector<Finding> findings;
  const codegen::Target* host = core::HostTarget();
  for (const codegen::Target& target : codegen::Targets()) {
    findings.push_back({target.compiler, fmt::format("compile for {}", target.name),
                        FindProgram(target.compiler).string(), target.package, &target == host});
  }
  for (const Tool& tool : kTools) {
    findings.push_back(
        {tool.program, tool.purpose, FindProgram(tool.program).string(), tool.package, false});
  }
  const Result<Path> trainer = FindTrainer();
  findings.push_back({"bluestem-train", "train and evaluate checkpoints",
                      trainer.ok() ? trainer->string() : "", "libtorch-dev", false});
  const Path kernels = SourceRoot() / "bluestem" / "kernels";
  std::error_code error;
  findings.push_back({"kernel sources", "generate artefacts",
                      std::filesystem::is_directory(kernels, error) ? kernels.string() : "", "",
                      true});
  return findings;
}

std::string Isas() {
  std::string text;
  for (const program::CpuLevel& level : program::CpuLevels()) {
    if ((level.isas & ~edge::CpuIsas()) != 0) continue;
    text += (text.empty() ? "" : " ") + std::string(level.name);
  }
  return text;
}

Status Run(Output& output) {
  const std::vector<Finding> findings = Look();
  std::vector<std::vector<std::string>> rows;
  Json items = Json::array();
  std::string install;
  std::vector<std::string> missing_essentials;
  for (const Finding& finding : findings) {
    const bool found = !finding.found.empty();
    rows.push_back({found ? "ok" : "missing", finding.what, finding.purpose,
                    found ? finding.found : finding.package});
    items.push_back({{"name", finding.what},
                     {"purpose", finding.purpose},
                     {"found", found},
                     {"path", finding.found},
                     {"package", finding.package},
                     {"essential", finding.essential}});
    if (found) continue;
    if (finding.essential) missing_essentials.push_back(finding.what);
    const std::string package = " " + finding.package;
    if (!finding.package.empty() && (install + " ").find(package + " ") == std::string::npos) {
      install += package;
    }
  }
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::current_path(), error);
  const auto free_bytes = error ? uintmax_t{0} : space.available;
  const codegen::Target* host = core::HostTarget();
  const std::string host_name = host == nullptr ? "none" : host->name;

  output.Line("machine           {} ({})", host_name, Isas());
  output.Line(
      "free disk space   {}{}", BytesText(static_cast<int64_t>(free_bytes)),
      free_bytes < kLeastFreeBytes ? ": little; training and converting need some 500 MB" : "");
  output.Line("");
  output.Table({"state", "what", "what for", "where, or the Debian package that has it"}, rows);
  if (!install.empty()) output.Line("\nTo get what is missing:\n  apt-get install{}", install);
  output.Json({{"target", host_name},
               {"isas", SplitWords(Isas())},
               {"free_bytes", free_bytes},
               {"items", items},
               {"install", install.empty() ? "" : "apt-get install" + install}});
  if (missing_essentials.empty()) return OkStatus();
  return Error(Code::kUnavailable, "missing: {}{}", fmt::join(missing_essentials, ", "),
               install.empty() ? "" : "; apt-get install" + install);
}

}  // namespace

Command DoctorCommand() {
  return {.name = "doctor",
          .usage = "",
          .summary = "Say what is installed, what is missing and how to get it",
          .description = "Looks for compilers, emulators, the trainer and disk space.",
          .example = "bluestem doctor",
          .codes = {Code::kUnavailable},
          .setup = [](CommandLine&) -> Runner { return Run; }};
}

}  // namespace bluestem::cli
