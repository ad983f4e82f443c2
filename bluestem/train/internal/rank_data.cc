#include "bluestem/train/internal/rank_data.h"

#include <algorithm>

namespace bluestem::train {
namespace {

constexpr size_t kNamedPictures = 5;

// The pictures of a rank: every ranks-th below `end`, from that of its number on.
std::unique_ptr<data::Dataset> Share(const std::shared_ptr<const data::Dataset>& all,
                                     const Ranks& ranks, int64_t end) {
  std::vector<int64_t> indices;
  for (int64_t i = ranks.rank(); i < end; i += ranks.count()) indices.push_back(i);
  return data::Subset(all, std::move(indices));
}

std::string SkippedNote(const std::vector<Status>& skipped, int64_t total, const Ranks& ranks) {
  const std::string whose = ranks.count() == 1 ? "" : fmt::format(" of rank {}", ranks.rank());
  std::string note = fmt::format(
      "data.unreadable: skip: {} of {} pictures{} are left out:", skipped.size(), total, whose);
  for (size_t i = 0; i < std::min(kNamedPictures, skipped.size()); ++i)
    note += "\n  " + skipped[i].message();
  if (skipped.size() > kNamedPictures)
    note += fmt::format("\n  and {} more; `bluestem data check` lists them",
                        skipped.size() - kNamedPictures);
  return note;
}

// Ranks take their steps together, so each has as many training pictures as the one with the
// fewest that can be read. Rank 0 says so.
void KeepAsManyAsOthers(int64_t share, data::PixelCache& train, const FitOptions& options,
                        Ranks& ranks) {
  if (ranks.count() == 1) return;
  const int64_t own = share - train.size();
  const auto most = static_cast<int64_t>(ranks.Max(static_cast<float>(own)));
  if (most == 0) return;
  auto all = static_cast<double>(own);
  ranks.Sum(&all, 1);
  train.KeepEvenly(share - most);
  if (ranks.rank() != 0 || !options.note) return;
  options.note(
      fmt::format("data.unreadable: skip: {:.0f} training pictures cannot be read, at most {} of "
                  "one rank: each of the {} ranks trains with {} of its {}",
                  all, most, ranks.count(), share - most, share));
}

}  // namespace

Result<TrainingData> ReadShare(data::Split split, const config::Experiment& given, int threads,
                               const FitOptions& options, Ranks& ranks) {
  const std::shared_ptr<const data::Dataset> train = std::move(split.train),
                                             validation = std::move(split.validation);
  if (train->size() < ranks.count()) {
    return Error(Code::kInvalidArgument,
                 "data.path: got {} training pictures; expected at least one for each of {} ranks",
                 train->size(), ranks.count());
  }
  const image::PreprocessSpec spec = data::SpecOf(given.data);
  const auto go_on = [&](int64_t) {
    return options.interrupted == nullptr || !options.interrupted->load();
  };
  const int64_t used = train->size() / ranks.count() * ranks.count();
  const auto own = Share(train, ranks, used);
  const auto checked = Share(validation, ranks.rank() == 0 ? Ranks::Alone() : ranks,
                             validation->size());  // rank 0 evaluates all of them at the end
  TrainingData data;
  const auto decode =
      [&](const data::Dataset& dataset) -> Result<std::shared_ptr<data::PixelCache>> {
    std::vector<Status> skipped;
    auto cache = data::PixelCache::Build(dataset, spec, threads, go_on,
                                         data::PixelCache::kMostBytes, &skipped);
    if (skipped.empty()) return cache;
    if (given.data.unreadable != "skip") {
      const Status all = data::UnreadableError(skipped[0], static_cast<int64_t>(skipped.size()));
      return Error(all.code(), "{}, or go on without: data.unreadable: skip", all.message());
    }
    if (options.note) options.note(SkippedNote(skipped, dataset.size(), ranks));
    return cache;
  };
  BLUESTEM_ASSIGN_OR_RETURN(const std::shared_ptr<data::PixelCache> pictures, decode(*own));
  BLUESTEM_ASSIGN_OR_RETURN(data.validation, decode(*checked));
  ranks.Barrier();  // decoding takes ranks differently long
  KeepAsManyAsOthers(own->size(), *pictures, options, ranks);
  data.train = pictures;
  return data;
}

}  // namespace bluestem::train
