#include "bluestem/train/internal/training.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/train/internal/batches.h"
#include "bluestem/train/internal/class_weights.h"
#include "bluestem/train/internal/device.h"
#include "bluestem/train/internal/mixing.h"
#include "bluestem/train/internal/schedule.h"
#include "bluestem/train/internal/validation.h"

namespace bluestem::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kWarmSteps = 4;    // before steps are timed
constexpr int64_t kTimedSteps = 12;  // their median is the speed
constexpr double kBudgetShare =
    0.95;  // of max_minutes for steps and validation; the rest is for the end
constexpr int64_t kStatisticsImages = 10000;     // of an epoch that may become the model
constexpr int64_t kValidationStatistics = 2000;  // of one that is only validated

OptimizerSettings SettingsOf(const config::TrainConfig& config, const Recipe& recipe) {
  return {.name = config.optimizer,
          .momentum = config.momentum,
          .weight_decay = config.weight_decay,
          .beta_rate = recipe.beta_rate,
          .lookahead = recipe.lookahead,
          .clip = config.gradient_clip};
}

}  // namespace

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ProcessCpuSeconds() {
  struct rusage use = {};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const struct timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

Training::Training(const config::Experiment& experiment, Network network,
                   std::vector<BlockShape> shapes, TrainingData data, const FitOptions& options,
                   Ranks& ranks, RunState state)
    : experiment_(experiment),
      data_(std::move(data)),
      options_(options),
      ranks_(ranks),
      paths_{options.run_folder},
      state_(std::move(state)),
      loader_options_{
          .batch = std::min(experiment.train.batch / ranks.count(), data_.train->size()),
          .seed = static_cast<uint64_t>(experiment.train.seed),
          .shuffle = true,
          .drop_last = true,
          .augmentation = experiment.augmentation,
          .threads = experiment.data.loader_threads,
          .rank = ranks.rank(),
          .ranks = ranks.count()},
      module_(std::move(network), std::move(shapes), static_cast<uint64_t>(experiment.train.seed),
              ranks),
      optimizer_(SettingsOf(experiment.train, module_.network().recipe), module_.parameters()),
      average_(experiment.train.ema, module_.parameters()),
      flips_(module_) {
  if (experiment_.train.class_weights == "balanced")
    class_weights_ = BalancedWeights(*data_.train, ranks_);
  state_.steps_per_epoch = data::StepsPerEpoch(data_.train->size(), loader_options_);
  if (experiment_.train.arithmetic == "integer") module_.UseIntegers(edge::CpuIsas());
  if (experiment_.train.device == "cuda")
    module_.UseDevice(CudaDeviceOf(ranks_.rank(), FindCuda()));
}

double Training::Elapsed() const {
  return earlier_seconds_ + Now() - started_;
}

double Training::CpuSeconds() const {
  return earlier_cpu_ + ProcessCpuSeconds() - started_cpu_;
}

// The schedule's rate, for the joint batch of a step: that of the configuration, or all pictures.
double Training::Rate(int64_t step) const {
  const config::TrainConfig& config = experiment_.train;
  double rate = config.learning_rate;
  if (config.rate_batch > 0)
    rate *= static_cast<double>(JointBatch()) / static_cast<double>(config.rate_batch);
  return rate * RateFactor(config, step, state_.steps, state_.steps_per_epoch);
}

// The share of the steps that are done; while their number is being chosen, none.
double Training::Progress() const {
  return state_.steps > 0 ? static_cast<double>(state_.step) / static_cast<double>(state_.steps)
                          : 0.0;
}

void Training::TrainStep(const data::Batch& batch, bool float_weights) {
  const auto count = static_cast<int64_t>(batch.labels.size());
  const double start = Now();
  const std::vector<int32_t> labels(batch.labels.begin(), batch.labels.end());
  NormalizeBatch(module_.network().normalize, count, data_.train->picture_bytes(),
                 batch.pixels.raw(), images_);
  const Network& network = module_.network();
  const Mix mix = MixBatch(experiment_.augmentation, static_cast<uint64_t>(experiment_.train.seed),
                           static_cast<uint64_t>(state_.step), count,
                           {network.h, network.w, network.c}, labels.data(), images_.data());
  const std::vector<float> marks = MixMarks(mix, *data_.train, batch.indices);
  loading_seconds_ += Now() - start;
  std::vector<float> answers;  // the teacher's, to the pictures as they are now, mixed or not
  if (data_.teacher != nullptr) answers = data_.teacher->Scores(count, images_.data());
  const StepResult result =
      module_.Step({.count = count,
                    .images = images_.data(),
                    .labels = labels.data(),
                    .others = mix.others.empty() ? nullptr : mix.others.data(),
                    .share = mix.share,
                    .marks = marks.empty() ? nullptr : marks.data(),
                    .teacher = {.scores = answers.empty() ? nullptr : answers.data(),
                                .temperature = experiment_.distillation.temperature,
                                .weight = experiment_.distillation.weight}},
                   {.label_smoothing = experiment_.train.label_smoothing,
                    .class_weights = class_weights_.empty() ? nullptr : class_weights_.data(),
                    .float_weights = float_weights,
                    .progress = Progress(),
                    .seed = static_cast<uint64_t>(experiment_.train.seed) * 0x9e3779b97f4a7c15ULL +
                            static_cast<uint64_t>(state_.step)});
  const double rate = Rate(state_.step);
  ++state_.step;
  optimizer_.Update(state_.step - 1, rate,
                    static_cast<double>(state_.step) / static_cast<double>(state_.steps));
  average_.Update(state_.step - 1);
  epoch_tally_.loss += result.loss * static_cast<double>(JointBatch());
  epoch_tally_.correct += result.correct;
  epoch_tally_.images += JointBatch();
}

// Returns the median seconds of some steps.
double Training::TimeSteps(data::Loader& loader, bool float_weights) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < kWarmSteps + kTimedSteps && !Interrupted(); ++i) {
    const double start = Now();
    TrainStep(loader.Next(), float_weights);
    if (i >= kWarmSteps) seconds.push_back(Now() - start);
  }
  if (seconds.empty()) return 1.0;
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<int64_t>(seconds.size() / 2),
                   seconds.end());
  return seconds[seconds.size() / 2];
}

// The mean seconds of a step, from some of either kind, after which weights, optimizer and counts
// are as before.
double Training::MeasureStepSeconds() {
  const Checkpoint before = Snapshot();
  data::LoaderOptions options = loader_options_;
  options.threads = 1;
  data::Loader loader(data_.train, options);
  const double share = module_.network().recipe.float_weight_share;
  const double with_float = share > 0 ? TimeSteps(loader, true) : 0;
  const double quantized = share < 1 ? TimeSteps(loader, false) : 0;
  BLUESTEM_CHECK(Restore(before, module_.parameters(), "snapshot").ok(),
                 "a snapshot fits its module");
  BLUESTEM_CHECK(Restore(before, optimizer_.State(), "snapshot").ok() &&
                     Restore(before, average_.State(), "snapshot").ok(),
                 "a snapshot fits its optimizer");
  state_.step = 0;
  epoch_tally_ = {};
  loading_seconds_ = 0;
  return share * with_float + (1 - share) * quantized;
}

// The number of steps is chosen once, before the first one, and kept in run.json and in every
// checkpoint: the schedule is a function of the step alone. Rank 0 chooses.
Status Training::ChooseSteps() {
  state_.steps = ranks_.OfFirst(state_.steps);
  if (state_.steps > 0) return OkStatus();
  const config::TrainConfig& config = experiment_.train;
  state_.steps = config.epochs * state_.steps_per_epoch;
  if (config.max_minutes <= 0) return OkStatus();
  const double step_seconds = MeasureStepSeconds();
  if (Interrupted()) {  // then too few steps were timed to choose by
    return Error(Code::kInterrupted,
                 "{}: interrupted before the first step: begin it with `bluestem train -o {} "
                 "--resume`",
                 paths_.folder.string(), paths_.folder.string());
  }
  // A forward pass is about a third of a step; each epoch ends with one over the statistics' and
  // the validation images.
  const auto extra =
      static_cast<double>(std::min(StatisticsImages(0), data_.train->size() * ranks_.count()) +
                          data_.validation->size());
  const double epoch_seconds = step_seconds * (static_cast<double>(state_.steps_per_epoch) +
                                               extra / static_cast<double>(JointBatch()) / 3.0);
  const double epochs = config.max_minutes * 60.0 * kBudgetShare / epoch_seconds;
  const auto fitting = static_cast<int64_t>(epochs * static_cast<double>(state_.steps_per_epoch));
  state_.steps = ranks_.OfFirst(std::clamp<int64_t>(fitting, 1, state_.steps));
  if (config.schedule == "3-step-with-warmup" && state_.steps <= 4 * state_.steps_per_epoch) {
    Note(fmt::format(
        "train.max_minutes: {} leave time for {:.1f} epochs; 3-step-with-warmup comes "
        "to its full rate with more than 4: give it more time, or choose cosine",
        config.max_minutes,
        static_cast<double>(state_.steps) / static_cast<double>(state_.steps_per_epoch)));
  }
  return OkStatus();
}

// Images for the statistics of the epoch that ends at `step`.
int64_t Training::StatisticsImages(int64_t step) const {
  const bool chosen = experiment_.train.select == "best" || step == state_.steps;
  return chosen ? kStatisticsImages : kValidationStatistics;
}

void Training::EstimateStatistics() {
  const std::vector<int64_t> order =
      data::EpochOrder(data_.train->size(), static_cast<uint64_t>(experiment_.train.seed), 0, true);
  const int64_t images =
      std::min(StatisticsImages(state_.step) / ranks_.count(), data_.train->size());
  const int64_t size = data_.train->picture_bytes();
  std::vector<uint8_t> pixels;
  module_.BeginStatistics();
  for (int64_t first = 0; first < images; first += kValidationBatch) {
    const int64_t count = std::min(kValidationBatch, images - first);
    CopyPixels(*data_.train, order, first, count, pixels);
    NormalizeBatch(module_.network().normalize, count, size, pixels.data(), images_);
    module_.AddStatistics({.count = count, .images = images_.data(), .labels = nullptr});
  }
  module_.FinishStatistics();
}

Status Training::LogEvents(const EpochMetrics& row) const {
  BLUESTEM_ASSIGN_OR_RETURN(interchange::EventWriter events,
                            interchange::EventWriter::Open(paths_.folder, state_.started_unix));
  std::vector<std::pair<const char*, double>> scalars = {
      {"loss/train", row.loss},
      {"loss/validation", row.validation_loss},
      {"accuracy/train", row.train_accuracy},
      {"accuracy/validation", row.validation_accuracy},
      {"learning_rate", row.learning_rate},
      {"images_per_second", row.images_per_second}};
  if (row.validation_auroc >= 0) {
    scalars.emplace_back("auroc/validation", row.validation_auroc);
    scalars.emplace_back("average_precision/validation", row.validation_average_precision);
  }
  for (const auto& [tag, value] : scalars)
    BLUESTEM_RETURN_IF_ERROR(events.Scalar(tag, row.step, value));
  for (const LayerShare& flips : row.flips)
    BLUESTEM_RETURN_IF_ERROR(events.Scalar("flips/" + flips.layer, row.step, flips.share));
  return OkStatus();
}

void Training::Note(const std::string& text) {
  if (!IsFirst()) return;
  state_.notes.push_back(text);
  if (options_.note) options_.note(text);
}

void Training::Report(double validation_accuracy, double validation_auroc) {
  if (!options_.progress || !IsFirst()) return;
  const double here = Now() - started_;
  const auto done = static_cast<double>(state_.step - first_step_);
  const auto images = static_cast<double>(std::max<int64_t>(1, epoch_tally_.images));
  options_.progress(
      {.step = state_.step,
       .steps = state_.steps,
       .epoch = (state_.step - 1) / state_.steps_per_epoch,
       .images_per_second = done * static_cast<double>(JointBatch()) / std::max(here, 1e-9),
       .elapsed_seconds = Elapsed(),
       .remaining_seconds =
           here / std::max(done, 1.0) * static_cast<double>(state_.steps - state_.step),
       .loss = epoch_tally_.loss / images,
       .train_accuracy = static_cast<double>(epoch_tally_.correct) / images,
       .validation_accuracy = validation_accuracy,
       .validation_auroc = validation_auroc});
}

// Validates the weights as they are, and keeps them if they are the best.
Status Training::ValidateEpoch(EpochMetrics& row) {
  EstimateStatistics();
  Validate(module_, *data_.validation, experiment_.threshold, ranks_, row);
  BLUESTEM_RETURN_IF_ERROR(CheckArrays());
  if (!std::isfinite(row.validation_loss))
    return Diverged("the validation loss is no longer a number");
  row.elapsed_seconds = Elapsed();
  metrics_.push_back(row);
  Report(row.validation_accuracy, row.validation_auroc);
  epoch_tally_ = {};
  state_.images_per_second = row.images_per_second;
  state_.train_seconds = row.elapsed_seconds;
  state_.cpu_seconds = CpuSeconds();
  state_.loading_share = loading_seconds_ / std::max(step_seconds_, 1e-9);
  // Of equal ones the later: its rate was lower.
  const EpochMetrics best{.validation_accuracy = state_.best_validation_accuracy,
                          .validation_auroc = state_.best_validation_auroc};
  if (experiment_.train.select != "last" && row.Score() < best.Score()) return OkStatus();
  state_.best_validation_accuracy = row.validation_accuracy;
  state_.best_validation_auroc = row.validation_auroc;
  state_.best_epoch = row.epoch;
  SaveBest();
  return OkStatus();
}

// Patience counts from the first of equal epochs: staying is not getting better.
void Training::EndEarly() {
  const int64_t patience = experiment_.train.patience;
  const auto first = std::max_element(
      metrics_.begin(), metrics_.end(),
      [](const EpochMetrics& a, const EpochMetrics& b) { return a.Score() < b.Score(); });
  if (patience > 0 && metrics_.end() - first > patience) state_.steps = state_.step;
}

Status Training::FinishEpoch(int64_t epoch) {
  const auto images = static_cast<double>(epoch_tally_.images);
  EpochMetrics row{.epoch = epoch + 1,
                   .step = state_.step,
                   .learning_rate = Rate(state_.step - 1),
                   .loss = epoch_tally_.loss / images,
                   .train_accuracy = static_cast<double>(epoch_tally_.correct) / images,
                   .flips = flips_.Take()};
  row.images_per_second = static_cast<double>((state_.step - first_step_) * JointBatch()) /
                          std::max(Now() - started_, 1e-9);
  average_.Swap();
  const Status validated = ValidateEpoch(row);
  average_.Swap();
  BLUESTEM_RETURN_IF_ERROR(validated);
  EndEarly();
  if (!IsFirst()) return OkStatus();
  BLUESTEM_RETURN_IF_ERROR(WriteMetrics(paths_, metrics_));
  return LogEvents(row);
}

Status Training::Run() {
  BLUESTEM_RETURN_IF_ERROR(ChooseSteps());
  started_ = Now();
  started_cpu_ = ProcessCpuSeconds();
  first_step_ = state_.step;
  const int64_t per_epoch = state_.steps_per_epoch;
  data::Loader loader(data_.train, loader_options_, state_.step / per_epoch,
                      state_.step % per_epoch);
  if (IsFirst()) BLUESTEM_RETURN_IF_ERROR(WriteRunState(paths_, state_));
  while (state_.step < state_.steps) {
    const bool interrupted = Interrupted();
    if (interrupted) {
      state_.status = "interrupted";
      BLUESTEM_RETURN_IF_ERROR(Save());
    }
    const double start = Now();
    const data::Batch batch = loader.Next();
    loading_seconds_ += Now() - start;
    TrainStep(batch,
              static_cast<double>(state_.step) <
                  module_.network().recipe.float_weight_share * static_cast<double>(state_.steps));
    step_seconds_ += Now() - start;
    if (!std::isfinite(epoch_tally_.loss)) return Diverged("the loss is no longer a number");
    BLUESTEM_RETURN_IF_ERROR(WriteSaved());
    if (interrupted) {  // the step above is taken again by who resumes
      return Error(Code::kInterrupted,
                   "{}: interrupted at step {} of {}; everything is saved: go on with `bluestem "
                   "train -o {} --resume`",
                   paths_.folder.string(), good_step_, state_.steps, paths_.folder.string());
    }
    const bool last = state_.step == state_.steps;
    if (state_.step % per_epoch == 0 || last) {
      BLUESTEM_RETURN_IF_ERROR(FinishEpoch((state_.step - 1) / per_epoch));
      BLUESTEM_RETURN_IF_ERROR(Save());
    } else {
      Report(-1, -1);
      if (state_.step % experiment_.train.checkpoint_steps == 0) BLUESTEM_RETURN_IF_ERROR(Save());
    }
  }
  return WriteSaved();  // no step follows: its validation loss is a number
}

}  // namespace bluestem::train
