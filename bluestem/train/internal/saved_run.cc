#include "bluestem/train/internal/saved_run.h"

#include "bluestem/train/internal/checkpoint.h"

namespace bluestem::train {

Result<SavedRun> OpenSavedRun(const Path& folder) {
  const RunPaths paths{folder};
  SavedRun run;
  BLUESTEM_ASSIGN_OR_RETURN(run.experiment, config::Load(paths.Config()));
  BLUESTEM_ASSIGN_OR_RETURN(run.meta, task::ReadMeta(paths.Meta()));
  const auto classes = static_cast<int64_t>(run.meta.classes.size());
  BLUESTEM_ASSIGN_OR_RETURN(Network network, MakeNetwork(run.experiment, classes));
  BLUESTEM_ASSIGN_OR_RETURN(std::vector<BlockShape> shapes, Shapes(network));
  run.module = std::make_unique<Module>(std::move(network), std::move(shapes), uint64_t{1});
  BLUESTEM_RETURN_IF_ERROR(RestoreBest(paths, *run.module));
  return run;
}

Result<std::shared_ptr<data::PixelCache>> ReadPictures(const SavedRun& run,
                                                       const data::Dataset& dataset, int threads) {
  std::vector<Status> skipped;
  return data::PixelCache::Build(dataset, run.meta.preprocess, threads, {},
                                 data::PixelCache::kMostBytes,
                                 run.experiment.data.unreadable == "skip" ? &skipped : nullptr);
}

Status RestoreBest(const RunPaths& paths, Module& module) {
  std::error_code ignored;
  if (!std::filesystem::exists(paths.Best(), ignored)) {
    return Error(Code::kIo,
                 "{}: no best checkpoint yet: the run has not finished its first epoch; go on with "
                 "`bluestem train -o {} --resume`",
                 paths.Best().string(), paths.folder.string());
  }
  const Result<Checkpoint> checkpoint = ReadCheckpoint(paths.Best());
  if (!checkpoint.ok()) {
    if (checkpoint.status().code() != Code::kInvalidData) return checkpoint.status();
    return Error(Code::kInvalidData,
                 "{}; copy {} over it for the newest weights instead, or start again",
                 checkpoint.status().message(), paths.Last().string());
  }
  BLUESTEM_RETURN_IF_ERROR(Restore(*checkpoint, module.parameters(), paths.Best().string()));
  return Restore(*checkpoint, module.statistics(), paths.Best().string());
}

}  // namespace bluestem::train
