// PixelDataset: pictures of one size that lie in memory, as idx and CIFAR readers give them.
//
// Threads: constant after construction. Ownership: owns pixels and labels.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/dataset.h"

namespace bluestem::data {

// One file's share of the samples, for names: "data_batch_1.bin#17".
struct PixelSource {
  std::string name;
  int64_t count = 0;
};

class PixelDataset : public Dataset {
 public:
  struct Content {
    int32_t height = 0;
    int32_t width = 0;
    int32_t channels = 0;
    std::vector<uint8_t> pixels;  // [n, height, width, channels]
    std::vector<int32_t> labels;  // [n]
    std::vector<std::string> classes;
    std::vector<PixelSource> sources;  // counts sum to n
  };
  // Requires: sizes agree; labels are indices of classes.
  explicit PixelDataset(Content content);

  int64_t size() const override { return static_cast<int64_t>(content_.labels.size()); }
  const std::vector<std::string>& classes() const override { return content_.classes; }
  Result<Sample> Get(int64_t index) const override;
  int32_t Label(int64_t index) const override;
  std::string Name(int64_t index) const override;

 private:
  Content content_;
};

}  // namespace bluestem::data
