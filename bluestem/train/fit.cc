// Fit, Evaluate, MeasureSensitivity and Export: what train.h promises, made of internal/.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "bluestem/config/fields.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/task/counts.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/internal/arithmetic.h"
#include "bluestem/train/internal/backend.h"
#include "bluestem/train/internal/batches.h"
#include "bluestem/train/internal/code_counts.h"
#include "bluestem/train/internal/device.h"
#include "bluestem/train/internal/event_pictures.h"
#include "bluestem/train/internal/exact.h"
#include "bluestem/train/internal/graph.h"
#include "bluestem/train/internal/rank_data.h"
#include "bluestem/train/internal/ranks.h"
#include "bluestem/train/internal/report.h"
#include "bluestem/train/internal/report_compare.h"
#include "bluestem/train/internal/saved_run.h"
#include "bluestem/train/internal/sensitivity.h"
#include "bluestem/train/internal/training.h"
#include "bluestem/train/networks/cost.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

constexpr double kBaselineShare = 0.35;  // of train.max_minutes, for the fp32 baseline

// The configuration of a run folder. One that says auto is of a version that knew floats alone, or
// the CPU alone.
Result<config::Experiment> LoadOwnConfig(const RunPaths& paths) {
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment experiment, config::Load(paths.Config()));
  if (experiment.train.arithmetic == "auto") experiment.train.arithmetic = "float";
  if (experiment.train.device == "auto") experiment.train.device = "cpu";
  return experiment;
}

// "train.epochs 6, now 3", ...
std::string Differences(const config::Experiment& before, const config::Experiment& now) {
  std::string text;
  for (const config::Field& field : config::Fields()) {
    const std::string was = ValueText(field, before), is = ValueText(field, now);
    if (was != is)
      text += fmt::format("{}{} {}, now {}", text.empty() ? "" : "; ", field.key, was, is);
  }
  return text;
}

// Writes config.yaml and meta.yaml, or, when resuming, checks that the run is this experiment's. A
// run that failed may go on with another learning rate, which its state then tells.
Status PrepareFolder(const RunPaths& paths, const config::Experiment& experiment,
                     const task::Meta& meta, bool resume, RunState& state) {
  const std::string yaml = config::ToYaml(experiment);
  std::error_code ignored;
  if (resume && std::filesystem::exists(paths.Config(), ignored)) {
    BLUESTEM_ASSIGN_OR_RETURN(config::Experiment before, LoadOwnConfig(paths));
    before.train.rank_timeout = experiment.train.rank_timeout;
    before.train.backend = experiment.train.backend;
    const double rate = experiment.train.learning_rate;
    if (state.status == "failed" && before.train.learning_rate != rate) {
      if (state.rates.empty())
        state.rates.push_back({.step = 0, .learning_rate = before.train.learning_rate});
      state.rates.push_back({.step = state.step, .learning_rate = rate});
      before.train.learning_rate = rate;
    }
    // A run of several ranks leaves threads to each start, and may go on with another number.
    if (before.train.threads == 0 || experiment.train.threads == 0)
      before.train.threads = experiment.train.threads;
    if (!(before == experiment)) {
      return Error(Code::kInvalidArgument,
                   "{}: the run was started with another configuration ({}); resume it with its "
                   "own config.yaml, or start a new run folder",
                   paths.Config().string(), Differences(before, experiment));
    }
  } else if (std::filesystem::exists(paths.State(), ignored)) {
    return Error(Code::kInvalidArgument,
                 "{}: a run is already here; add --resume, or name another folder",
                 paths.folder.string());
  }
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(paths.Checkpoints()));
  BLUESTEM_RETURN_IF_ERROR(WriteFile(paths.Config(), yaml));
  return WriteFile(paths.Meta(), task::MetaToYaml(meta));
}

// Absolute paths, so that the run folder can be evaluated and resumed from anywhere; and what this
// machine decided, so that a resumed run goes on as it began.
Result<config::Experiment> Resolved(config::Experiment experiment,
                                    const std::vector<std::string>& classes,
                                    const FitOptions& options, int threads) {
  const bool alone = options.place.ranks == 1;
  const auto absolute = [](const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
  };
  experiment.data.path = absolute(experiment.data.path);
  experiment.data.validation = absolute(experiment.data.validation);
  experiment.distillation.teacher = absolute(experiment.distillation.teacher);
  experiment.classes = classes;
  if (alone) experiment.train.threads = threads;
  const RunPaths paths{options.run_folder};
  std::error_code ignored;
  if (options.resume && std::filesystem::exists(paths.Config(), ignored)) {
    BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment before, LoadOwnConfig(paths));
    if (experiment.train.arithmetic == "auto")
      experiment.train.arithmetic = before.train.arithmetic;
    if (experiment.train.device == "auto") experiment.train.device = before.train.device;
  }
  BLUESTEM_ASSIGN_OR_RETURN(experiment.train.device, ChooseDevice(experiment.train, FindCuda()));
  BLUESTEM_ASSIGN_OR_RETURN(experiment.train.arithmetic,
                            ChooseArithmetic(experiment, static_cast<int64_t>(classes.size())));
  return experiment;
}

// Checks that a rank trains what rank 0 does, and takes over what rank 0's machine decided. Where
// the files lie and how many threads there are is each machine's own.
Status AgreeWithFirst(config::Experiment& experiment, int64_t images, Ranks& ranks) {
  const std::string own = config::ToYaml(experiment);
  Bytes shared(own.begin(), own.end());
  ranks.Share(shared);
  const int64_t first_images = ranks.OfFirst(images);
  if (ranks.rank() == 0) return OkStatus();
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment first,
                            config::Parse(std::string(shared.begin(), shared.end()), "rank 0"));
  first.data.path = experiment.data.path;
  first.data.validation = experiment.data.validation;
  first.distillation.teacher = experiment.distillation.teacher;
  first.data.loader_threads = experiment.data.loader_threads;
  first.train.threads = experiment.train.threads;
  experiment.train.arithmetic = first.train.arithmetic;
  experiment.train.device = first.train.device;
  BLUESTEM_RETURN_IF_ERROR(ChooseDevice(first.train, FindCuda()).status());
  if (experiment == first && images == first_images) return OkStatus();
  return Error(
      Code::kInvalidArgument,
      "rank {} has another configuration than rank 0, or other data ({} training pictures; "
      "rank 0 has {}): start every rank with the same -c, --set and data",
      ranks.rank(), images, first_images);
}

// Evaluation, model and the baseline-independent facts, after the last step.
Status Finish(const RunPaths& paths, const task::Meta& meta, Training& training,
              const TrainingData& data) {
  Module& module = training.module();
  BLUESTEM_RETURN_IF_ERROR(RestoreBest(paths, module));
  const std::vector<std::vector<float>> scores = ExactScores(module, *data.validation, {});
  const std::unique_ptr<task::Counts> counts = task::MakeCounts(meta);
  for (size_t i = 0; i < scores.size(); ++i)
    counts->Add(data.validation->Labels(static_cast<int64_t>(i)), scores[i]);
  BLUESTEM_RETURN_IF_ERROR(WriteFile(paths.Evaluation(), counts->ToJson() + "\n"));
  BLUESTEM_RETURN_IF_ERROR(Export(paths.folder, paths.Model()));
  RunState state = training.state();
  state.status = "finished";
  BLUESTEM_RETURN_IF_ERROR(WriteRunState(paths, state));
  const CodeCounts codes = CountCodes(module, *data.validation);
  BLUESTEM_RETURN_IF_ERROR(WriteFile(paths.Codes(), CodeCountsToJson(codes)));
  BLUESTEM_RETURN_IF_ERROR(LogCodes(codes, paths, state));
  BLUESTEM_RETURN_IF_ERROR(LogPictures(paths, state, meta, *data.validation, scores, module));
  return WriteReport({.paths = paths,
                      .module = &module,
                      .metrics = training.metrics(),
                      .state = state,
                      .meta = &meta,
                      .validation = data.validation.get(),
                      .scores = &scores,
                      .codes = codes});
}

// What rank 0 finds in the run folder.
struct Start {
  RunState state;
  bool finished = false;
  bool has_checkpoint = false;
};

Result<Start> PrepareRun(const RunPaths& paths, const config::Experiment& experiment,
                         const task::Meta& meta, bool resume) {
  Start start;
  start.state = {.seed = experiment.train.seed,
                 .started_unix = std::time(nullptr),
                 .versions = TorchVersion()};
  std::error_code ignored;
  if (resume && std::filesystem::exists(paths.State(), ignored)) {
    BLUESTEM_ASSIGN_OR_RETURN(start.state, ReadRunState(paths));
    start.finished = start.state.status == "finished";
  }
  BLUESTEM_RETURN_IF_ERROR(PrepareFolder(paths, experiment, meta, resume, start.state));
  start.state.status = "running";
  start.has_checkpoint = resume && std::filesystem::exists(paths.Last(), ignored);
  if (start.state.step > 0 && !start.has_checkpoint && !start.finished) {
    return Error(Code::kInvalidData,
                 "{}: missing, though the run came to step {}; copy an older {}/step-*.ckpt there "
                 "and resume, or delete the run folder and start again",
                 paths.Last().string(), start.state.step, paths.Checkpoints().string());
  }
  return start;
}

Status FitOne(const config::Experiment& experiment, const TrainingData& data,
              const task::Meta& meta, const FitOptions& options, int threads, Ranks& ranks) {
  const RunPaths paths{options.run_folder};
  BLUESTEM_ASSIGN_OR_RETURN(Network network,
                            MakeNetwork(experiment, static_cast<int64_t>(meta.classes.size())));
  BLUESTEM_ASSIGN_OR_RETURN(std::vector<BlockShape> shapes, Shapes(network));
  Start start;
  if (ranks.rank() == 0) {
    BLUESTEM_ASSIGN_OR_RETURN(start, PrepareRun(paths, experiment, meta, options.resume));
  }
  ranks.Barrier();  // rank 0 may come from finishing another run
  if (ranks.OfFirst(start.finished ? 1 : 0) != 0) return OkStatus();
  const int64_t images = data.train->size() * ranks.count();
  start.state.notes = data.notes;
  if (experiment.train.batch > images) {
    start.state.notes.push_back(
        fmt::format("train.batch: got {}, but there are {} training pictures: each step "
                    "takes them all",
                    experiment.train.batch, images));
    if (options.note) options.note(start.state.notes.back());
  }
  start.state.threads = threads;
  start.state.ranks = ranks.count();
  start.state.macs = MacsByBits(CostTable(network, shapes));
  start.state.device = DeviceText(experiment.train, FindCuda());
  Training training(experiment, std::move(network), std::move(shapes), data, options, ranks,
                    start.state);
  if (ranks.OfFirst(start.has_checkpoint ? 1 : 0) != 0) BLUESTEM_RETURN_IF_ERROR(training.Resume());
  BLUESTEM_RETURN_IF_ERROR(training.Run());
  return ranks.rank() == 0 ? Finish(paths, meta, training, data) : OkStatus();
}

config::Experiment BaselineOf(config::Experiment experiment) {
  constexpr size_t kMostName = 84;  // of 100 bytes, in whole characters of UTF-8
  if (experiment.name.size() > kMostName) {
    size_t end = kMostName;
    while ((static_cast<uint8_t>(experiment.name[end]) & 0xC0) == 0x80) --end;
    experiment.name.resize(end);
  }
  experiment.name += " (fp32 baseline)";
  experiment.network.weight_quantizer = "none";
  experiment.network.activation_quantizer = "none";
  experiment.network.weight_ste = "identity";
  experiment.network.activation_ste = "clipped";
  experiment.train.fp32_baseline = false;
  experiment.train.arithmetic = "float";
  experiment.train.max_minutes *= kBaselineShare;
  return experiment;
}

// LibTorch and nlohmann throw; what they say becomes a Status here, at the module's edge.
Status Caught(const Path& folder, const std::exception& error) {
  const std::string what = error.what();
  const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                      what.find("can't allocate memory") != std::string::npos ||
                      what.find("out of memory") != std::string::npos;  // CUDA's
  if (!memory) return Error(Code::kInternal, "{}: {}", folder.string(), what);
  return Error(Code::kUnsupported,
               "{}: out of memory; lower train.batch, network.width or data.image_size, or run it "
               "where there is more",
               folder.string());
}

// The threads of one rank; 0: all that this process may use.
int64_t ThreadsFor(const config::Experiment& experiment, const config::RankPlace& place) {
  if (experiment.train.threads > 0 || place.sharing == 1) return experiment.train.threads;
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  return std::max<int64_t>(1, cores / place.sharing);
}

task::Meta MetaOf(const config::Experiment& experiment, const std::vector<std::string>& classes) {
  const bool one = experiment.task == "classification";
  return {.task = one ? task::kClassification : task::kMultiLabel,
          .classes = classes,
          .preprocess = data::SpecOf(experiment.data),
          .threshold = experiment.threshold};
}

// A class that all validation pictures have, or none, has no AUROC: the user should know, and one
// must be left to choose the best epoch by.
Status CheckRanking(const data::Dataset& validation, const FitOptions& options) {
  if (!validation.multi_label()) return OkStatus();
  std::vector<int64_t> counts(validation.classes().size());
  for (int64_t i = 0; i < validation.size(); ++i)
    for (const int32_t label : validation.Labels(i)) ++counts[static_cast<size_t>(label)];
  std::string names;
  size_t ranked = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    const bool both = counts[k] > 0 && counts[k] < validation.size();
    ranked += both ? 1 : 0;
    if (!both) names += (names.empty() ? "" : ", ") + validation.classes()[k];
  }
  if (ranked == 0) {
    return Error(Code::kInvalidData,
                 "data.validation: {} pictures, of which all or none have each class; expected a "
                 "class that some have, to choose the best epoch by: hold out more",
                 validation.size());
  }
  if (!names.empty() && options.note && options.place.rank == 0) {
    options.note(fmt::format(
        "left out of the mean AUROC, because all {} validation pictures have them or none: {}",
        validation.size(), names));
  }
  return OkStatus();
}

// What this rank talks through: of each start of a run, so it is not written into its config.yaml.
Result<Transport> TransportOf(const config::TrainConfig& config, const config::RankPlace& place) {
  const CudaDevices cuda = FindCuda();
  Transport transport;
  BLUESTEM_ASSIGN_OR_RETURN(const std::string device, ChooseDevice(config, cuda));
  if (device == "cuda") transport.device = CudaDeviceOf(place.rank, cuda);
  BLUESTEM_ASSIGN_OR_RETURN(transport.backend,
                            ChooseBackend(config.backend, device, BuiltBackends()));
  return transport;
}

Status FitAll(const config::Experiment& given, const FitOptions& asked) {
  BLUESTEM_RETURN_IF_ERROR(config::CheckRanks(given, asked.place.ranks));
  FitOptions options = asked;
  std::vector<std::string> notes;  // for who looks at the run later
  options.note = [&](const std::string& note) {
    notes.push_back(note);
    if (asked.note) asked.note(note);
  };
  const int threads = UseThreads(ThreadsFor(given, options.place));
  BLUESTEM_ASSIGN_OR_RETURN(data::Split split, data::OpenForTraining(given));
  BLUESTEM_ASSIGN_OR_RETURN(const Transport transport, TransportOf(given.train, options.place));
  BLUESTEM_ASSIGN_OR_RETURN(const std::unique_ptr<Ranks> ranks,
                            Ranks::Join(options.place, given.train.rank_timeout, transport));
  BLUESTEM_RETURN_IF_ERROR(CheckRanking(*split.validation, options));
  const task::Meta meta = MetaOf(given, split.train->classes());
  const int64_t images = split.train->size();
  BLUESTEM_ASSIGN_OR_RETURN(config::Experiment experiment,
                            Resolved(given, meta.classes, options, threads));
  ranks->Barrier();
  BLUESTEM_RETURN_IF_ERROR(AgreeWithFirst(experiment, images, *ranks));
  std::shared_ptr<Teacher> teacher;
  if (!experiment.distillation.teacher.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(teacher, Teacher::Open(experiment, meta, ranks->rank()));
  }
  BLUESTEM_ASSIGN_OR_RETURN(TrainingData data,
                            ReadShare(std::move(split), given, threads, options, *ranks));
  data.teacher = teacher;
  data.notes = std::move(notes);
  options.note = asked.note;
  BLUESTEM_RETURN_IF_ERROR(FitOne(experiment, data, meta, options, threads, *ranks));
  if (!experiment.train.fp32_baseline) return OkStatus();
  FitOptions baseline = options;
  baseline.run_folder = RunPaths{options.run_folder}.Baseline();
  std::error_code ignored;
  baseline.resume =
      options.resume && std::filesystem::exists(baseline.run_folder / "config.yaml", ignored);
  experiment = BaselineOf(experiment);
  if (baseline.resume) {  // it may have failed, and gone on by itself with another rate
    BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment before,
                              config::Load(RunPaths{baseline.run_folder}.Config()));
    experiment.train.learning_rate = before.train.learning_rate;
  }
  BLUESTEM_RETURN_IF_ERROR(FitOne(experiment, data, meta, baseline, threads, *ranks));
  if (ranks->rank() != 0) return OkStatus();
  return CompareInReport({options.run_folder}, {baseline.run_folder},
                         {.legend = "fp32", .words = "the same net in fp32"});
}

// What to do after a rank was lost.
Status WayOn(const RankLost& lost, const FitOptions& options) {
  const RunPaths paths{options.run_folder};
  std::error_code ignored;
  if (std::filesystem::exists(paths.Last(), ignored)) {
    return Error(Code::kIo,
                 "{}: {}; the last checkpoint is {}: go on, with any number of ranks, with "
                 "`bluestem train -o {} --resume`",
                 paths.folder.string(), lost.what(), paths.Last().string(), paths.folder.string());
  }
  return Error(Code::kIo, "{}: {}; there is no checkpoint {}: start again", paths.folder.string(),
               lost.what(),
               options.place.rank == 0 ? "yet" : "on this machine (rank 0 has the run folder)");
}

}  // namespace

Result<Summary> Summarize(const Path& run_folder) {
  const RunPaths paths{run_folder};
  BLUESTEM_ASSIGN_OR_RETURN(const RunState state, ReadRunState(paths));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(paths.Evaluation()));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("correct") || !json.contains("total"))
    return Error(Code::kInvalidData, "{}: no counts in it", paths.Evaluation().string());
  return Summary{.correct = json["correct"],
                 .total = json["total"],
                 .macs = state.macs,
                 .images_per_second = state.images_per_second,
                 .train_seconds = state.train_seconds,
                 .cpu_seconds = state.cpu_seconds,
                 .loading_share = state.loading_share};
}

Status Fit(const config::Experiment& experiment, const FitOptions& options) {
  try {
    return FitAll(experiment, options);
  } catch (const RankLost& lost) {
    return WayOn(lost, options);
  } catch (const std::exception& error) {
    return Caught(options.run_folder, error);
  }
}

Result<std::vector<std::vector<float>>> Evaluate(
    const Path& run_folder, const data::Dataset& dataset,
    const std::function<void(int64_t done)>& progress) {
  try {
    BLUESTEM_ASSIGN_OR_RETURN(const SavedRun run, OpenSavedRun(run_folder));
    UseThreads(run.experiment.train.threads);
    BLUESTEM_ASSIGN_OR_RETURN(const std::shared_ptr<const data::PixelCache> cache,
                              data::PixelCache::Build(dataset, run.meta.preprocess, 1));
    return ExactScores(*run.module, *cache, progress);
  } catch (const std::exception& error) {
    return Caught(run_folder, error);
  }
}

Result<Sensitivity> MeasureSensitivity(
    const Path& run_folder, int64_t images,
    const std::function<void(int64_t done, int64_t all)>& progress) {
  try {
    BLUESTEM_ASSIGN_OR_RETURN(SavedRun run, OpenSavedRun(run_folder));
    const int threads = UseThreads(run.experiment.train.threads);
    BLUESTEM_ASSIGN_OR_RETURN(data::Split split, data::OpenForTraining(run.experiment));
    const auto some = [&](std::unique_ptr<data::Dataset> dataset) {
      const std::shared_ptr<const data::Dataset> all = std::move(dataset);
      std::vector<int64_t> indices;
      const int64_t count = std::min(images, all->size());
      for (int64_t i = 0; i < count; ++i) indices.push_back(i * all->size() / count);
      return ReadPictures(run, *data::Subset(all, std::move(indices)), threads);
    };
    BLUESTEM_ASSIGN_OR_RETURN(const auto train, some(std::move(split.train)));
    BLUESTEM_ASSIGN_OR_RETURN(const auto held_out, some(std::move(split.validation)));
    return Measure(run, {.statistics = train.get(), .held_out = held_out.get()}, progress);
  } catch (const std::exception& error) {
    return Caught(run_folder, error);
  }
}

Status CompareReports(const Path& run_folder, const Path& other) {
  constexpr size_t kMostLegend = 20;
  const std::string name = std::filesystem::absolute(other).lexically_normal().filename().string();
  const std::string legend =
      name.size() > kMostLegend ? name.substr(0, kMostLegend - 2) + ".." : name;
  return CompareInReport({run_folder}, {other}, {.legend = legend, .words = name});
}

Status Export(const Path& run_folder, const Path& onnx) {
  try {
    BLUESTEM_ASSIGN_OR_RETURN(const SavedRun run, OpenSavedRun(run_folder));
    BLUESTEM_ASSIGN_OR_RETURN(const ir::Graph graph, ToGraph(*run.module));
    BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, interchange::ToOnnx(graph));
    return WriteFile(onnx, bytes);
  } catch (const std::exception& error) {
    return Caught(run_folder, error);
  }
}

}  // namespace bluestem::train
