// Datasets made in code, in a temporary folder of the test.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bluestem/data/dataset.h"
#include "tests/image/image_fixture.h"

namespace bluestem::data {

class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::temp_directory_path() /
            (std::string("bluestem_") + info->test_suite_name() + info->name());
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeFolder(root_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, const Bytes& bytes) {
    ASSERT_TRUE(MakeFolder((root_ / name).parent_path()).ok());
    // Not WriteFile, which waits for the disk.
    std::ofstream(root_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  // A picture whose first pixel is `value`.
  void Picture(const std::string& name, uint8_t value) {
    image::Image image = image::RandomImage(6, 8, 3, value);
    image.pixels[0] = value;
    Write(name, *image::EncodePng(image));
  }
  Result<std::unique_ptr<Dataset>> OpenRoot(const std::string& split = "",
                                            std::vector<std::string> classes = {}) {
    return Open({"auto", root_, split, std::move(classes)});
  }
  std::string Refusal(const std::string& split = "", std::vector<std::string> classes = {}) {
    const auto dataset = OpenRoot(split, std::move(classes));
    EXPECT_FALSE(dataset.ok());
    return dataset.ok() ? "" : dataset.status().message();
  }

  Path root_;
};

inline Bytes Idx(const std::vector<uint32_t>& shape, const Bytes& elements) {
  Bytes bytes = {0, 0, 8, static_cast<uint8_t>(shape.size())};
  for (const uint32_t extent : shape) image::AppendBig32(bytes, extent);
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

inline Bytes Gzip(const Bytes& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()) + 32);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// n pictures of 4 x 3 x channels, all different; label = index mod classes.
class MemoryDataset : public Dataset {
 public:
  MemoryDataset(int64_t count, int32_t classes, int32_t channels = 3)
      : count_(count), channels_(channels) {
    for (int32_t i = 0; i < classes; ++i) classes_.push_back("class" + std::to_string(i));
  }
  int64_t size() const override { return count_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  int32_t Label(int64_t index) const override {
    return static_cast<int32_t>(index % static_cast<int64_t>(classes_.size()));
  }
  std::string Name(int64_t index) const override { return "m" + std::to_string(index); }
  Result<Sample> Get(int64_t index) const override {
    if (index == unreadable) return Error(Code::kInvalidData, "{}: broken", Name(index));
    const int64_t seed = index == twin_of.first ? twin_of.second : index;
    return Sample{image::RandomImage(4, 3, channels_, static_cast<uint64_t>(seed)), Label(index),
                  Name(index)};
  }

  int64_t unreadable = -1;
  std::pair<int64_t, int64_t> twin_of = {-1, -1};  // sample first has the pixels of sample second

 private:
  int64_t count_;
  int32_t channels_;
  std::vector<std::string> classes_;
};

// The same pictures; class k is in picture i where bit k of i is set.
class BitsDataset : public MemoryDataset {
 public:
  using MemoryDataset::MemoryDataset;
  bool multi_label() const override { return true; }
  int32_t Label(int64_t index) const override {
    const std::vector<int32_t> labels = Labels(index);
    return labels.empty() ? -1 : labels[0];
  }
  std::vector<int32_t> Labels(int64_t index) const override {
    std::vector<int32_t> labels;
    for (size_t k = 0; k < classes().size(); ++k) {
      if ((index >> k & 1) != 0) labels.push_back(static_cast<int32_t>(k));
    }
    return labels;
  }
};

}  // namespace bluestem::data
