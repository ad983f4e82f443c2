// bluestem run: pictures through a compiled library; output.json and annotated pictures.
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "bluestem/cli/absent_devices.h"
#include "bluestem/cli/commands.h"
#include "bluestem/cli/scoring.h"
#include "bluestem/core/core.h"
#include "bluestem/task/annotate.h"
#include "bluestem/task/multi_label.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  std::vector<std::string> images;
  std::string model;
  std::string meta;
  std::string output = "output";
  std::string isa;
  std::string device = "CPU";
  int64_t trial = 1;
  int64_t threads = 1;
};

Result<std::unique_ptr<predict::Predictor>> OpenLibrary(const RunOptions& options) {
  if (!core::RunsLibraries(options.device)) {
    BLUESTEM_RETURN_IF_ERROR(runtime::ParseDeviceString(options.device).status());
    return Error(Code::kUnsupported,
                 "-m {}: a compiled library runs on CPU, not on {}; give the artefact's folder",
                 options.model, options.device);
  }
  const Path library = options.model;
  Path meta = options.meta;
  if (meta.empty()) meta = library.parent_path().parent_path() / "meta.yaml";
  std::error_code error;
  if (!fs::exists(library, error)) {
    return Error(Code::kIo, "-m {}: no such file", library.string());
  }
  if (!fs::exists(meta, error)) {
    return Error(Code::kIo, "-c {}: no such file; give the artefact's models/meta.yaml",
                 meta.string());
  }
  BLUESTEM_ASSIGN_OR_RETURN(
      auto session,
      runtime::LoadLibrary(library, options.isa, static_cast<int32_t>(options.threads)));
  BLUESTEM_ASSIGN_OR_RETURN(task::Meta read, task::ReadMeta(meta));
  return predict::Predictor::Create(std::move(session), std::move(read));
}

Result<std::unique_ptr<predict::Predictor>> OpenPredictor(const RunOptions& options) {
  if (Path(options.model).extension() == ".so") return OpenLibrary(options);
  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source,
                            core::FindModel(options.model, options.meta));
  ScoringOptions scoring;
  scoring.isa = options.isa;
  scoring.device = options.device;
  scoring.threads = 1;
  scoring.session_threads = static_cast<int32_t>(options.threads);
  if (source.kind == core::ModelSource::Kind::kRun && core::RunsLibraries(options.device)) {
    scoring.engine = "interpreter";
  }
  BLUESTEM_ASSIGN_OR_RETURN(Scorer scorer, MakeScorer(source, scoring));
  return std::move(scorer.predictors[0]);
}

// Returns the moment as "2026-11-21T06:15:00+0000", local time.
std::string Now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[40];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &local);
  return text;
}

// Decodes and scores one picture `trial` times, after one run that warms up. Seconds are means of
// one picture.
Result<task::FilePrediction> RunImage(predict::Predictor& predictor, const std::string& path,
                                      int64_t trial, image::Image& image,
                                      task::Benchmark& seconds) {
  const auto clock = [] {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  };
  const double start = clock();
  BLUESTEM_ASSIGN_OR_RETURN(image, image::DecodeFile(path));
  const double decoded = clock();
  BLUESTEM_ASSIGN_OR_RETURN(predict::Prediction prediction, predictor.Predict(image));
  task::Benchmark sum;
  for (int64_t t = 0; t < trial; ++t) {
    BLUESTEM_ASSIGN_OR_RETURN(prediction, predictor.Predict(image));
    sum.pre += prediction.seconds.pre;
    sum.inference += prediction.seconds.inference;
  }
  const double ranking = clock();
  const task::Meta& meta = predictor.meta();
  task::FilePrediction result{
      path, meta.multi_label()
                ? task::RankLabels(prediction.scores, meta.classes, meta.threshold)
                : task::Rank(predict::Probabilities(prediction.scores), meta.classes)};
  const double post = clock() - ranking;
  const auto count = static_cast<double>(trial);
  seconds.pre += decoded - start + sum.pre / count;
  seconds.inference += sum.inference / count;
  seconds.post += post;
  return result;
}

// "cat 0.9800", "Mass 0.9100, Nodule 0.6200", or "none (most of all Mass 0.2000)".
std::string AnswerText(const task::FilePrediction& result) {
  std::string text;
  for (const task::ClassScore& score : result.ranked) {
    if (score.answered) {
      text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", score.name, score.probability);
    }
  }
  const task::ClassScore& top = result.ranked[0];
  return text.empty() ? fmt::format("none (most of all {} {:.4f})", top.name, top.probability)
                      : text;
}

// Writes images/STEM.png; a stem that is taken gets "_2", "_3", ...
Status WriteAnnotated(const Path& folder, const task::FilePrediction& result,
                      const image::Image& image, std::set<std::string>& taken) {
  const std::string stem = Path(result.file_path).stem().string();
  std::string name = stem;
  for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{}_{}", stem, n);
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes png,
                            image::EncodePng(task::Annotate(image, result.ranked)));
  return WriteFileUnflushed(folder / (name + ".png"), png);
}

Status RunImages(const RunOptions& options, Output& output) {
  for (const std::string& image : options.images) {
    std::error_code error;
    if (!fs::is_regular_file(image, error)) {
      return Error(Code::kIo, "-i {}: no such file; give .jpg or .png pictures", image);
    }
  }
  WarnOfAbsentDevices(output, options.device);
  BLUESTEM_ASSIGN_OR_RETURN(const auto predictor, OpenPredictor(options));
  const Path folder = options.output;
  std::vector<task::FilePrediction> results;
  std::set<std::string> taken;
  task::Benchmark seconds;
  for (const std::string& path : options.images) {
    if (Interrupted()) return InterruptedStatus();
    image::Image image;
    BLUESTEM_ASSIGN_OR_RETURN(task::FilePrediction result,
                              RunImage(*predictor, path, options.trial, image, seconds));
    output.Line("{}: {}", path, AnswerText(result));
    BLUESTEM_RETURN_IF_ERROR(MakeFolder(folder / "images"));
    BLUESTEM_RETURN_IF_ERROR(WriteAnnotated(folder / "images", result, image, taken));
    results.push_back(std::move(result));
  }
  const auto count = static_cast<double>(results.size());
  seconds.pre /= count;
  seconds.inference /= count;
  seconds.post /= count;
  seconds.total = seconds.pre + seconds.inference + seconds.post;
  const std::string json = task::OutputJson(predictor->meta(), results, seconds, Now());
  BLUESTEM_RETURN_IF_ERROR(WriteFileUnflushed(folder / "output.json", json));
  output.Line("{} a picture: {} before, {} inference, {} after", SecondsText(seconds.total),
              SecondsText(seconds.pre), SecondsText(seconds.inference), SecondsText(seconds.post));
  output.Line("{} and {}", (folder / "output.json").string(), (folder / "images").string());
  output.Json(nlohmann::ordered_json::parse(json));
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<RunOptions>();
  line.Add("-i,--image", options->images, "A picture (.jpg, .png); several may be given")
      .Required();
  line.Add("-m,--model", options->model,
           "libbluestem_*.so, an artefact's folder, a run folder or a model file")
      .Required();
  line.Add("-c,--config", options->meta, "meta.yaml (default: the artefact's)");
  AddDeviceOption(line, options->device);
  line.Add("-o,--output", options->output, "Where to write (default: output)");
  line.Add("--trial", options->trial, "Inferences to average the time over (default 1)")
      .Range(1, 1000000);
  AddIsaOption(line, options->isa);
  AddThreadsOption(line, options->threads);
  return [options](Output& output) { return RunImages(*options, output); };
}

}  // namespace

Command RunCommand() {
  return {.name = "run",
          .usage = "-i IMAGE... -m LIB -c meta.yaml",
          .summary = "Predict pictures with a compiled library",
          .description =
              "Writes output/output.json (version, task, classes, date, results, benchmark in "
              "seconds) and an\n"
              "annotated copy of each picture in output/images.",
          .example =
              "bluestem run -i cat.jpg -m first.artefact\n"
              "bluestem run -i a.png b.png -m models/lib/libbluestem_x86-64.so -c models/meta.yaml",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
          .setup = Setup};
}

}  // namespace bluestem::cli
