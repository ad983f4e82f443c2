// What a run saves and takes up again: checkpoints that are good to go on from.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "bluestem/interchange/interchange.h"
#include "bluestem/train/internal/training.h"

namespace bluestem::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMostSquares = std::numeric_limits<float>::max();

}  // namespace

Checkpoint Training::Snapshot() {
  Checkpoint checkpoint;
  const Json info = {{"step", state_.step},
                     {"steps", state_.steps},
                     {"steps_per_epoch", state_.steps_per_epoch},
                     {"threads", state_.threads},
                     {"elapsed_seconds", started_ > 0 ? Elapsed() : 0.0},
                     {"cpu_seconds", started_ > 0 ? CpuSeconds() : 0.0},
                     {"loading_seconds", loading_seconds_},
                     {"step_seconds", step_seconds_},
                     {"best_validation_accuracy", state_.best_validation_accuracy},
                     {"best_validation_auroc", state_.best_validation_auroc},
                     {"best_epoch", state_.best_epoch},
                     {"epoch_loss", epoch_tally_.loss},
                     {"epoch_correct", epoch_tally_.correct},
                     {"epoch_images", epoch_tally_.images},
                     {"metrics", MetricsToJson(metrics_)}};
  checkpoint.info = info.dump();
  Append(module_.parameters(), checkpoint);
  Append(module_.statistics(), checkpoint);
  Append(optimizer_.State(), checkpoint);
  Append(average_.State(), checkpoint);
  Append(flips_.State(), checkpoint);
  return checkpoint;
}

// The first array that cannot be gone on with, or "". Sums of products with a parameter, and their
// variances, are numbers only while its squares' sum is one.
std::string Training::BadArray() {
  for (const ParameterView& view : module_.parameters()) {
    double squares = 0;
    for (int64_t i = 0; i < view.count; ++i)
      squares += static_cast<double>(view.value[i]) * static_cast<double>(view.value[i]);
    if (!(squares <= kMostSquares)) return view.name;
  }
  for (const auto& views : {module_.statistics(), optimizer_.State(), average_.State()}) {
    for (const ParameterView& view : views) {
      const bool finite = std::all_of(view.value, view.value + view.count,
                                      [](float value) { return std::isfinite(value); });
      if (!finite) return view.name;
    }
  }
  return "";
}

// On every rank, so that all stop with the same words.
Status Training::CheckArrays() {
  const std::string bad = BadArray();
  if (ranks_.Max(bad.empty() ? 0.0F : 1.0F) == 0) return OkStatus();
  return Diverged(fmt::format("{} is beyond f32", bad.empty() ? "another rank's array" : bad));
}

// Ends the run as failed, with the newest checkpoint that was good. Whatever was to be saved since
// is dropped.
Status Training::Diverged(const std::string& what) {
  const int64_t step = state_.step;
  state_.status = "failed";
  state_.step = std::max<int64_t>(0, good_step_);
  saved_.reset();
  saved_best_.reset();
  if (IsFirst()) BLUESTEM_RETURN_IF_ERROR(WriteRunState(paths_, state_));
  const double rate = experiment_.train.learning_rate;
  const std::string good =
      good_step_ < 0 ? std::string("there is no checkpoint yet: start it again")
                     : fmt::format(
                           "{} is as of step {}, the last good one (older ones are beside "
                           "it): go on from there",
                           paths_.Last().string(), good_step_);
  return Error(Code::kInvalidArgument,
               "train.learning_rate: {} at step {} with rate {}; {} with a lower one: `bluestem "
               "train -o {} --resume --set train.learning_rate={}`",
               what, step, rate, good, paths_.folder.string(), rate / 10);
}

// Keeps what is to be the next last.ckpt. It is written once a step from there gives a number:
// weights can be finite and yet lead nowhere.
Status Training::Save() {
  BLUESTEM_RETURN_IF_ERROR(CheckArrays());
  saved_ = Saved{.step = state_.step, .state = state_, .checkpoint = {}};
  if (IsFirst()) saved_->checkpoint = Snapshot();
  return OkStatus();
}

Status Training::WriteSaved() {
  if (!saved_) return OkStatus();
  const Saved saved = std::move(*saved_);
  saved_.reset();
  good_step_ = saved.step;
  if (!IsFirst()) return OkStatus();
  if (saved_best_) BLUESTEM_RETURN_IF_ERROR(WriteCheckpoint(paths_.Best(), *saved_best_));
  saved_best_.reset();
  std::error_code ignored;
  const Path older = paths_.Checkpoints() / fmt::format("step-{:08}.ckpt", saved.step);
  BLUESTEM_RETURN_IF_ERROR(WriteCheckpoint(paths_.Last(), saved.checkpoint));
  // The same file under the name of its step: what is left to go back to should a later last.ckpt
  // be damaged.
  std::filesystem::remove(older, ignored);
  std::filesystem::create_hard_link(paths_.Last(), older, ignored);
  std::vector<Path> kept;
  for (const auto& entry : std::filesystem::directory_iterator(paths_.Checkpoints(), ignored)) {
    if (entry.path().filename().string().rfind("step-", 0) == 0) kept.push_back(entry.path());
  }
  std::sort(kept.begin(), kept.end());
  const auto keep = static_cast<size_t>(std::max<int64_t>(1, experiment_.train.keep_checkpoints));
  for (size_t i = 0; i + keep < kept.size(); ++i) std::filesystem::remove(kept[i], ignored);
  return WriteRunState(paths_, saved.state);
}

void Training::SaveBest() {
  if (!IsFirst()) return;
  Checkpoint checkpoint;
  checkpoint.info =
      Json{{"step", state_.step}, {"validation_accuracy", state_.best_validation_accuracy}}.dump();
  Append(module_.parameters(), checkpoint);
  Append(module_.statistics(), checkpoint);
  saved_best_ = std::move(checkpoint);
}

Status Training::Resume() {
  const auto way_out = [&](const Status& status) {
    if (status.code() != Code::kInvalidData) return status;
    return Status(status.code(),
                  status.message() + fmt::format("; copy an older {}/step-*.ckpt over it and "
                                                 "resume, or delete the run folder and start again",
                                                 paths_.Checkpoints().string()));
  };
  Bytes file;
  if (IsFirst()) {
    BLUESTEM_ASSIGN_OR_RETURN(file, ReadFile(paths_.Last()));
  }
  ranks_.Share(file);
  const Result<Checkpoint> read = ParseCheckpoint(file, paths_.Last());
  if (!read.ok()) return way_out(read.status());
  const std::string place = paths_.Last().string();
  try {
    const Json info = Json::parse(read->info);
    state_.step = good_step_ = info.at("step");
    state_.steps = info.at("steps");
    for (RateChange& rate : state_.rates) rate.step = std::min(rate.step, state_.step);
    const int64_t per_epoch = info.value("steps_per_epoch", state_.steps_per_epoch);
    if (per_epoch != state_.steps_per_epoch) {
      Note(
          fmt::format("{}: an epoch had {} steps and has {} now, as the number of ranks or of "
                      "pictures that can be read is another: epochs end elsewhere",
                      place, per_epoch, state_.steps_per_epoch));
    }
    earlier_seconds_ = info.at("elapsed_seconds");
    earlier_cpu_ = info.value("cpu_seconds", 0.0);
    loading_seconds_ = info.value("loading_seconds", 0.0);
    step_seconds_ = info.value("step_seconds", 0.0);
    state_.best_validation_accuracy = info.at("best_validation_accuracy");
    state_.best_validation_auroc = info.value("best_validation_auroc", -1.0);
    state_.best_epoch = info.at("best_epoch");
    epoch_tally_ = {.loss = info.at("epoch_loss"),
                    .correct = info.at("epoch_correct"),
                    .images = info.at("epoch_images")};
    Result<std::vector<EpochMetrics>> metrics = MetricsFromJson(info.at("metrics"), place);
    if (!metrics.ok()) return way_out(metrics.status());
    metrics_ = std::move(*metrics);
  } catch (const nlohmann::json::exception& error) {
    return way_out(Error(Code::kInvalidData, "{}: corrupt checkpoint: {}", place, error.what()));
  }
  for (const auto& views : {module_.parameters(), module_.statistics(), optimizer_.State(),
                            average_.State(), flips_.State()}) {
    BLUESTEM_RETURN_IF_ERROR(way_out(Restore(*read, views, place)));
  }
  if (!IsFirst()) return OkStatus();
  BLUESTEM_ASSIGN_OR_RETURN(interchange::EventWriter events,
                            interchange::EventWriter::Open(paths_.folder, state_.started_unix));
  return events.Restart(state_.step + 1);
}

}  // namespace bluestem::train
