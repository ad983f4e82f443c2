// Image classification: class scores to ranked predictions, accuracy counts, and output.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/task/counts.h"

namespace bluestem::task {

struct ClassScore {
  int32_t id = 0;
  std::string name;
  double probability = 0;  // 0..1
  bool answered = false;   // whether the model's answer has it
};

// Returns all classes, most probable first; ties by lower id. The first is answered.
// `probabilities` has one entry a class.
std::vector<ClassScore> Rank(const std::vector<float>& probabilities,
                             const std::vector<std::string>& classes);

// Counts over a dataset. Not thread-safe.
class ClassificationCounts : public Counts {
 public:
  explicit ClassificationCounts(std::vector<std::string> classes);
  void Add(int32_t label, const std::vector<float>& scores);
  void Add(const std::vector<int32_t>& labels, const std::vector<float>& scores) override;
  int64_t total() const override { return total_; }
  int64_t correct() const override { return correct_; }
  int64_t correct_top5() const { return correct_top5_; }
  const std::vector<std::string>& classes() const { return classes_; }
  // confusion()[label][predicted]
  const std::vector<std::vector<int64_t>>& confusion() const { return confusion_; }
  // {"total", "correct", "accuracy", "correct_top5", "top5",
  // "classes":[{"name","total","correct","accuracy"}], "confusion":[[...]]}
  std::string ToJson() const override;
  std::string ToText() const override;

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<int64_t>> confusion_;
  int64_t total_ = 0;
  int64_t correct_ = 0;
  int64_t correct_top5_ = 0;
};

struct FilePrediction {
  std::string file_path;
  std::vector<ClassScore> ranked;
};

struct Benchmark {  // seconds a picture (means)
  double pre = 0;
  double inference = 0;
  double post = 0;
  double total = 0;
};

// Returns output.json as the seed's users know it: version, task, classes, date, results,
// benchmark. A probability is a number. With any number of classes a picture there is also
// "threshold", and each prediction says whether it is "answered".
std::string OutputJson(const Meta& meta, const std::vector<FilePrediction>& results,
                       const Benchmark& benchmark, const std::string& date_iso8601);

}  // namespace bluestem::task
