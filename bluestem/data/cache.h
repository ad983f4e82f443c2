// PixelCache: a dataset after preprocessing, as u8 pixels in one block. Training and evaluation
// read it instead of decoding files again; normalization to f32 is left to the reader.
//
// Threads: reading from several threads is safe; KeepEvenly is for who builds it. Ownership: owns
// its pixels.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/data/dataset.h"

namespace bluestem::data {

class PixelCache {
 public:
  static constexpr int64_t kMostBytes = int64_t{32} << 30;  // of decoded pictures

  // Decodes and preprocesses all of `dataset` on `threads` threads. `progress` (may be empty) is
  // called now and then with the number done; returning false stops with kInterrupted.
  // With `skipped`, unreadable samples are left out and what is wrong with each is put there, in
  // order. Errors: of the unreadable sample with the lowest index, with the number of the others,
  // if none may be skipped or none is left; kInvalidData when the pixels would take more than
  // `max_bytes`.
  static Result<std::shared_ptr<PixelCache>> Build(
      const Dataset& dataset, const image::PreprocessSpec& spec, int64_t threads,
      const std::function<bool(int64_t done)>& progress = {}, int64_t max_bytes = kMostBytes,
      std::vector<Status>* skipped = nullptr);

  // Leaves out what is beyond `count` pictures, evenly over their order. Requires: count <= size().
  void KeepEvenly(int64_t count);

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  const image::PreprocessSpec& spec() const { return spec_; }
  const std::vector<std::string>& classes() const { return classes_; }
  int64_t picture_bytes() const { return int64_t{spec_.height} * spec_.width * spec_.channels; }
  // u8 [height, width, channels] of one picture. Requires: 0 <= index < size().
  const uint8_t* Pixels(int64_t index) const;
  int32_t Label(int64_t index) const;
  // Whether a picture has any number of classes; then Marks are its labels, and Label is the first.
  bool multi_label() const { return multi_label_; }
  // 0 or 1 for each class. Requires: multi_label().
  const uint8_t* Marks(int64_t index) const;
  // Where the picture stands in the dataset that the cache was built of, whatever was left out
  // before it. Requires: 0 <= index < size().
  int64_t Origin(int64_t index) const;
  // All labels, rising.
  std::vector<int32_t> Labels(int64_t index) const;

 private:
  void Drop(const std::vector<bool>& left_out);

  image::PreprocessSpec spec_;
  std::vector<std::string> classes_;
  std::vector<uint8_t> pixels_;   // [n, height, width, channels]
  std::vector<int32_t> labels_;   // [n]
  std::vector<int64_t> origins_;  // [n], rising
  bool multi_label_ = false;
  std::vector<uint8_t> marks_;  // [n, classes] where multi_label_
};

}  // namespace bluestem::data
