// fit: a config.yaml to a run folder, with progress and a clean stop on Ctrl-C.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bluestem/train/main/commands.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

constexpr double kRedrawSeconds = 0.2;  // on a terminal
constexpr double kLineSeconds = 10.0;   // elsewhere

std::atomic<bool> interrupted{false};

void OnSignal(int) {
  interrupted.store(true);
}

std::string Clock(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// One redrawn line on a terminal; a line an epoch or every ten seconds elsewhere; JSON lines on
// demand.
class Display {
 public:
  Display(bool json, bool quiet)
      : json_(json), quiet_(quiet), terminal_(!json && ::isatty(STDERR_FILENO) == 1) {}
  ~Display() {
    if (drawn_) std::fputc('\n', stderr);
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void Show(const Progress& progress) {
    const double now =
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    const bool epoch = progress.validation_accuracy >= 0;
    if (!epoch && now - last_ < (terminal_ ? kRedrawSeconds : kLineSeconds)) return;
    last_ = now;
    if (json_) {
      Json(progress);
    } else if (!quiet_) {
      Text(progress, epoch);
    }
  }

  void Note(const std::string& note) const {
    if (json_) {
      std::printf("%s\n", nlohmann::json{{"note", note}}.dump().c_str());
      std::fflush(stdout);
    } else if (!quiet_) {
      std::fprintf(stderr, "note: %s\n", note.c_str());
    }
  }

 private:
  static void Json(const Progress& p) {
    nlohmann::ordered_json line = {{"step", p.step},
                                   {"steps", p.steps},
                                   {"epoch", p.epoch},
                                   {"images_per_second", p.images_per_second},
                                   {"elapsed_seconds", p.elapsed_seconds},
                                   {"remaining_seconds", p.remaining_seconds},
                                   {"loss", p.loss},
                                   {"train_accuracy", p.train_accuracy}};
    if (p.validation_accuracy >= 0) line["validation_accuracy"] = p.validation_accuracy;
    if (p.validation_auroc >= 0) line["validation_auroc"] = p.validation_auroc;
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }

  void Text(const Progress& p, bool epoch) {
    std::string line = fmt::format(
        "epoch {:<3} step {}/{}  {:.0f} images/s  {} elapsed  {} left  loss {:.4f}  accuracy "
        "{:.2f} %",
        p.epoch + 1, p.step, p.steps, p.images_per_second, Clock(p.elapsed_seconds),
        Clock(p.remaining_seconds), p.loss, p.train_accuracy * 100);
    if (epoch) line += fmt::format("  validation {:.2f} %", p.validation_accuracy * 100);
    if (p.validation_auroc >= 0) line += fmt::format("  AUROC {:.4f}", p.validation_auroc);
    if (terminal_) {
      std::fprintf(stderr, "\r\x1b[K%s%s", line.c_str(), epoch ? "\n" : "");
      drawn_ = !epoch;
    } else {
      std::fprintf(stderr, "%s\n", line.c_str());
    }
    std::fflush(stderr);
  }

  bool json_, quiet_, terminal_;
  bool drawn_ = false;
  double last_ = 0;
};

nlohmann::ordered_json SummaryJson(const Summary& summary, const Path& run) {
  nlohmann::ordered_json line = {{"status", "finished"},
                                 {"run", run.string()},
                                 {"correct", summary.correct},
                                 {"total", summary.total},
                                 {"macs", nlohmann::ordered_json::object()},
                                 {"images_per_second", summary.images_per_second},
                                 {"train_seconds", summary.train_seconds},
                                 {"cpu_seconds", summary.cpu_seconds},
                                 {"loading_share", summary.loading_share}};
  for (const auto& [bits, macs] : summary.macs) line["macs"][bits] = macs;
  return line;
}

std::string SummaryText(const Summary& summary) {
  return fmt::format(
      "{} of {} right; {}; {:.0f} images/s, loading {:.1f} % of a step, {:.1f} s, {:.1f} CPU s",
      summary.correct, summary.total, task::MacsText(summary.macs), summary.images_per_second,
      summary.loading_share * 100, summary.train_seconds, summary.cpu_seconds);
}

Status Prepare(const Arguments& arguments, config::Experiment& experiment, FitOptions& options) {
  if (arguments.output.empty() && arguments.run.empty())
    return Error(Code::kInvalidArgument, "--output: name the run folder");
  options.run_folder = arguments.output.empty() ? arguments.run : arguments.output;
  options.resume = arguments.resume;
  Path config = arguments.config;
  std::error_code ignored;
  // A resumed run is its own configuration; what the folder says wins over an edited original.
  if (arguments.resume && arguments.set.empty() &&
      std::filesystem::exists(options.run_folder / "config.yaml", ignored))
    config = options.run_folder / "config.yaml";
  if (config.empty()) return Error(Code::kInvalidArgument, "--config: name the configuration");
  BLUESTEM_ASSIGN_OR_RETURN(experiment, config::Load(config));
  for (const std::string& setting : arguments.set) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos)
      return Error(Code::kInvalidArgument, "--set: got {}; expected KEY=VALUE", setting);
    BLUESTEM_RETURN_IF_ERROR(
        config::Set(experiment, setting.substr(0, equals), setting.substr(equals + 1)));
  }
  BLUESTEM_ASSIGN_OR_RETURN(options.place, config::FindRankPlace());
  return config::Check(experiment);  // the rules that join keys, which no single setting can
}

}  // namespace

int RunFit(const Arguments& arguments) {
  config::Experiment experiment;
  FitOptions options;
  Status status = Prepare(arguments, experiment, options);
  const bool first = options.place.rank == 0;
  const auto fail = [&](const Status& failure) {
    // Who was interrupted together says so once.
    if (!first && failure.code() == Code::kInterrupted) return static_cast<int>(failure.code());
    return first ? Fail(failure, arguments.json)
                 : Fail(failure.At(fmt::format("rank {}", options.place.rank)), false);
  };
  if (!status.ok()) return fail(status);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  options.interrupted = &interrupted;
  {
    Display display(arguments.json, arguments.quiet);  // rank 0 alone reports
    options.progress = [&](const Progress& progress) { display.Show(progress); };
    options.note = [&](const std::string& note) { display.Note(note); };
    status = Fit(experiment, options);
  }
  if (!status.ok()) return fail(status);
  if (!first) return 0;
  const Result<Summary> summary = Summarize(options.run_folder);
  if (!summary.ok()) return fail(summary.status());
  if (arguments.json) {
    std::printf("%s\n", SummaryJson(*summary, options.run_folder).dump().c_str());
  } else if (!arguments.quiet) {
    std::printf("%s: finished; see %s\n%s\n", options.run_folder.c_str(),
                (options.run_folder / "report.html").c_str(), SummaryText(*summary).c_str());
  }
  return 0;
}

}  // namespace bluestem::train
