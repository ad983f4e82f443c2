// Classification with any number of classes a picture: each class has a score of its own in 0..1,
// and is answered from a threshold on. How well scores rank is measured without the threshold:
//
//   AUROC of a class: the share of the pairs (picture with it, picture without) whose first has the
//   greater score; a tie counts half. Exact: pairs are counted in integers.
//   Average precision: sum over the scores, from the greatest, of (recall's growth) * precision;
//   equal scores are one step.
//
// A class that all pictures have, or none, has no AUROC and is left out of its mean; one that none
// has, also of the mean average precision.
//
// Threads: free functions are pure; MultiLabelCounts belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/task/classification.h"
#include "bluestem/task/counts.h"

namespace bluestem::task {

// A NaN is never answered.
bool IsAnswered(float score, double threshold);

// `positive` has 0 or 1 for each score; NaN is below every score. Nothing where one side is empty.
std::optional<double> Auroc(const std::vector<float>& scores, const std::vector<uint8_t>& positive);
std::optional<double> AveragePrecision(const std::vector<float>& scores,
                                       const std::vector<uint8_t>& positive);

// The curve whose area Auroc is: (share of the others taken, share of the class's pictures taken),
// from (0, 0) to (1, 1), a point for each different score. Empty where one side is.
std::vector<std::pair<double, double>> RocCurve(const std::vector<float>& scores,
                                                const std::vector<uint8_t>& positive);

struct ClassQuality {
  int64_t positives = 0;  // pictures with the class
  std::optional<double> auroc;
  std::optional<double> average_precision;
  int64_t true_positives = 0;  // at the threshold
  int64_t false_positives = 0;
};

struct MultiLabelQuality {
  std::optional<double> mean_auroc;
  std::optional<double> mean_average_precision;
  std::vector<ClassQuality> classes;
  std::vector<int32_t> unranked;  // classes without an AUROC
};

class MultiLabelCounts : public Counts {
 public:
  MultiLabelCounts(std::vector<std::string> classes, double threshold);
  void Add(const std::vector<int32_t>& labels, const std::vector<float>& scores) override;
  int64_t total() const override { return total_; }
  int64_t correct() const override { return correct_; }
  const std::vector<std::string>& classes() const { return classes_; }
  // Of class k, a picture each.
  const std::vector<float>& scores(size_t k) const { return scores_[k]; }
  const std::vector<uint8_t>& positive(size_t k) const { return positive_[k]; }
  MultiLabelQuality Quality() const;
  // {"total", "correct", "accuracy", "threshold", "mean_auroc", "mean_average_precision",
  // "unranked", "classes": [{"name", "positives", "auroc", "average_precision", "sensitivity",
  // "specificity", "true_positives", "false_positives"}]}; what there is not is null.
  std::string ToJson() const override;
  std::string ToText() const override;

 private:
  std::vector<std::string> classes_;
  double threshold_;
  std::vector<std::vector<float>> scores_;      // [classes][pictures]
  std::vector<std::vector<uint8_t>> positive_;  // the same
  int64_t total_ = 0;
  int64_t correct_ = 0;
};

// Returns all classes, the greatest score first, as Rank does; those from the threshold on are
// answered.
std::vector<ClassScore> RankLabels(const std::vector<float>& scores,
                                   const std::vector<std::string>& classes, double threshold);

}  // namespace bluestem::task
