// bluestem profile: the time of each call of a model, as a table and as a page.
#include <nlohmann/json.hpp>

#include "bluestem/base/file.h"
#include "bluestem/cli/commands.h"
#include "bluestem/cli/profile_report.h"

namespace bluestem::cli {
namespace {

constexpr int64_t kWarmUp = 10;

struct ProfileOptions {
  SubjectOptions subject;
  std::string output;
  int64_t count = 50;
};

Status Profile(const ProfileOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(Subject subject, OpenSubject(options.subject));
  BLUESTEM_RETURN_IF_ERROR(TimeRuns(subject, {.warm_up = kWarmUp, .count = 1}).status());
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<OpTime> ops, ProfileOps(subject, options.count));
  const Cpu cpu = ReadCpu();
  PrintSubject(output, subject, cpu);
  output.Line("times             medians of {} profiled runs\n", options.count);
  PrintOps(output, ops);
  output.Line("");
  const std::vector<BitsTotal> totals = TotalsByBits(ops);
  std::vector<std::vector<std::string>> rows;
  for (const BitsTotal& total : totals) {
    rows.push_back({total.bits == "-" ? "no weights" : total.bits,
                    total.macs == 0 ? "-" : CountText(total.macs),
                    fmt::format("{:.4f}", total.seconds * 1e3),
                    total.macs == 0 ? "-" : fmt::format("{:.2f}", total.GigaMacs()),
                    fmt::format("{:.1f}", total.share * 100)});
  }
  output.Table({"bits", "MACs", "ms", "GMAC/s", "share %"}, rows);
  if (!options.output.empty()) {
    BLUESTEM_RETURN_IF_ERROR(
        WriteFile(options.output, ProfilePage(subject, cpu, ops, options.count)));
    output.Line("\n{}", options.output);
  }
  nlohmann::ordered_json document = SubjectJson(subject, cpu);
  document["profiled_runs"] = options.count;
  document["ops"] = OpsJson(ops);
  document["by_bits"] = TotalsJson(totals);
  document["report"] = options.output;
  output.Json(document);
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<ProfileOptions>();
  AddSubjectOptions(line, options->subject);
  line.Add("-o,--output", options->output, "Write the profile as a page too: report.html");
  line.Add("--count", options->count, "Profiled runs to take medians over (default 50)")
      .Range(1, 1000000);
  return [options](Output& output) { return Profile(*options, output); };
}

}  // namespace

Command ProfileCommand() {
  return {.name = "profile",
          .usage = "MODEL",
          .summary = "Show where a model's time goes, call by call",
          .description =
              "Runs with a clock around each call and prints, in the order in which they run, the "
              "kernel\n"
              "that ran, its bits, multiply-adds, time and share. A call on the slow reference "
              "kernel is\n"
              "marked (!) and a warning says why. --output writes one self-contained HTML page.",
          .example =
              "bluestem profile first.artefact --output report.html\n"
              "bluestem profile first.artefact --isa portable --count 200 --json",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
