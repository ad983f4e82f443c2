#include <algorithm>
#include <cmath>

#include "bluestem/base/rng.h"
#include "bluestem/data/dataset.h"

namespace bluestem::data {
namespace {

class SubsetDataset : public Dataset {
 public:
  SubsetDataset(std::shared_ptr<const Dataset> base, std::vector<int64_t> indices)
      : base_(std::move(base)), indices_(std::move(indices)) {
    for (const int64_t index : indices_)
      BLUESTEM_CHECK(index >= 0 && index < base_->size(), "index of the base");
  }
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  const std::vector<std::string>& classes() const override { return base_->classes(); }
  Result<Sample> Get(int64_t index) const override { return base_->Get(At(index)); }
  bool multi_label() const override { return base_->multi_label(); }
  int32_t Label(int64_t index) const override { return base_->Label(At(index)); }
  std::vector<int32_t> Labels(int64_t index) const override { return base_->Labels(At(index)); }
  std::vector<int32_t> UncertainLabels(int64_t index) const override {
    return base_->UncertainLabels(At(index));
  }
  std::string Name(int64_t index) const override { return base_->Name(At(index)); }

 private:
  int64_t At(int64_t index) const {
    BLUESTEM_CHECK(index >= 0 && index < size(), "index");
    return indices_[static_cast<size_t>(index)];
  }
  std::shared_ptr<const Dataset> base_;
  std::vector<int64_t> indices_;
};

// The samples by their class, of several the rarest (of equal ones the first); last those without.
std::vector<std::vector<int64_t>> Groups(const Dataset& base) {
  std::vector<int64_t> counts(base.classes().size());
  for (int64_t i = 0; i < base.size(); ++i)
    for (const int32_t label : base.Labels(i)) ++counts[static_cast<size_t>(label)];
  std::vector<std::vector<int64_t>> groups(base.classes().size() + 1);
  for (int64_t i = 0; i < base.size(); ++i) {
    const std::vector<int32_t> labels = base.Labels(i);
    const auto rarest = std::min_element(labels.begin(), labels.end(), [&](int32_t a, int32_t b) {
      return counts[static_cast<size_t>(a)] < counts[static_cast<size_t>(b)];
    });
    const size_t group =
        rarest == labels.end() ? base.classes().size() : static_cast<size_t>(*rarest);
    groups[group].push_back(i);
  }
  return groups;
}

}  // namespace

std::unique_ptr<Dataset> Subset(std::shared_ptr<const Dataset> base, std::vector<int64_t> indices) {
  return std::make_unique<SubsetDataset>(std::move(base), std::move(indices));
}

Split SplitBySeed(std::shared_ptr<const Dataset> base, double fraction, uint64_t seed) {
  BLUESTEM_CHECK(fraction >= 0 && fraction < 1, "a share");
  std::vector<std::vector<int64_t>> of_class = Groups(*base);
  const auto share = [&](const std::vector<int64_t>& members) {
    const auto count = static_cast<int64_t>(members.size());
    const int64_t rounded = std::llround(fraction * static_cast<double>(count));
    return std::min(rounded, std::max<int64_t>(count - 1, 0));
  };
  const bool none = std::all_of(of_class.begin(), of_class.end(),
                                [&](const auto& members) { return share(members) == 0; });
  std::vector<int64_t> train;
  std::vector<int64_t> validation;
  for (size_t label = 0; label < of_class.size(); ++label) {
    std::vector<int64_t>& members = of_class[label];
    Rng rng(seed, label, 0);  // a class's share does not depend on the other classes
    rng.Shuffle(members);
    const int64_t held_out = none && fraction > 0 && members.size() > 1 ? 1 : share(members);
    validation.insert(validation.end(), members.begin(), members.begin() + held_out);
    train.insert(train.end(), members.begin() + held_out, members.end());
  }
  std::sort(train.begin(), train.end());
  std::sort(validation.begin(), validation.end());
  return {Subset(base, std::move(train)), Subset(base, std::move(validation))};
}

}  // namespace bluestem::data
