#include "bluestem/data/formats/idx.h"

#include <gmock/gmock.h>

#include "tests/data/data_fixture.h"

namespace bluestem::data {
namespace {

using ::testing::HasSubstr;

class IdxFolder : public FolderTest {
 protected:
  void Pair(const std::string& prefix, uint32_t count, bool gzip) {
    Bytes pixels;
    Bytes labels;
    for (uint32_t i = 0; i < count * 6; ++i) pixels.push_back(static_cast<uint8_t>(i));
    for (uint32_t i = 0; i < count; ++i) labels.push_back(static_cast<uint8_t>(i % 10));
    const Bytes images = Idx({count, 2, 3}, pixels);
    const Bytes label_file = Idx({count}, labels);
    Write(prefix + "-images-idx3-ubyte" + (gzip ? ".gz" : ""), gzip ? Gzip(images) : images);
    Write(prefix + "-labels-idx1-ubyte" + (gzip ? ".gz" : ""),
          gzip ? Gzip(label_file) : label_file);
  }
};

TEST_F(IdxFolder, PairsAreFoundByNameGzippedOrNot) {
  for (const bool gzip : {false, true}) {
    Pair("train", 20, gzip);
    Pair("t10k", 12, gzip);
    const auto train = OpenRoot("train");
    ASSERT_TRUE(train.ok()) << train.status().message();
    EXPECT_EQ((*train)->size(), 20);
    const auto validation = OpenRoot("validation");
    ASSERT_TRUE(validation.ok());
    EXPECT_EQ((*validation)->size(), 12);
    EXPECT_EQ((*validation)->classes().size(), 10u);
    const Sample sample = (*validation)->Get(11).value();
    EXPECT_EQ(sample.label, 1);
    EXPECT_EQ(sample.image, (image::Image{2, 3, 1, {66, 67, 68, 69, 70, 71}}));
    EXPECT_THAT(sample.name, HasSubstr("t10k-images-idx3-ubyte"));
    EXPECT_THAT(sample.name, HasSubstr("#11"));
    EXPECT_EQ(*DetectFormat(root_), "idx");
    EXPECT_THAT(Refusal(), HasSubstr("2 files of idx images"));
    const Path file = root_ / (std::string("t10k-images-idx3-ubyte") + (gzip ? ".gz" : ""));
    EXPECT_EQ((*Open({.path = file}))->size(), 12);
    std::filesystem::remove_all(root_);
  }
}

TEST_F(IdxFolder, AnotherFormatIsRefusedWithAHint) {
  Pair("train", 20, false);
  EXPECT_THAT(Open({.format = "folder", .path = root_}).status().message(),
              HasSubstr("no pictures"));
  EXPECT_THAT(Open({.format = "folder", .path = root_}).status().message(),
              HasSubstr("this looks like idx"));
}

TEST_F(IdxFolder, NamesByPositionTakeTheGivenClasses) {
  Pair("t10k", 12, false);
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) names.push_back("digit " + std::to_string(i));
  const auto dataset = OpenRoot("validation", names);
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_EQ((*dataset)->classes(), names);
  EXPECT_EQ((*dataset)->Label(3), 3);
}

TEST_F(IdxFolder, MismatchedPairsAreNamed) {
  Write("train-images-idx3-ubyte", Idx({2, 1, 1}, {1, 2}));
  EXPECT_THAT(Refusal(), HasSubstr("no labels beside it; expected train-labels-idx1-ubyte"));
  Write("train-labels-idx1-ubyte", Idx({3}, {1, 2, 3}));
  EXPECT_THAT(Refusal(), HasSubstr("shape [3]; expected [2]"));
  Write("train-labels-idx1-ubyte", Idx({2}, {4, 4}));
  EXPECT_THAT(Refusal(), HasSubstr("one class only (4)"));
  Write("train-images-idx3-ubyte", Idx({0, 1, 1}, {}));
  Write("train-labels-idx1-ubyte", Idx({0}, {}));
  EXPECT_THAT(Refusal(), HasSubstr("no pictures"));
}

TEST(ParseIdx, SizesAreCheckedAgainstTheFile) {
  const auto refusal = [](const Bytes& bytes) {
    const Result<Tensor> tensor = ParseIdx(bytes, "f");
    EXPECT_FALSE(tensor.ok());
    return tensor.ok() ? "" : tensor.status().message();
  };
  EXPECT_EQ(*ParseIdx(Idx({2, 2}, {1, 2, 3, 4}), "f"), (Tensor::Of<uint8_t>({2, 2}, {1, 2, 3, 4})));
  EXPECT_THAT(refusal(Idx({2, 2}, {1, 2, 3})), HasSubstr("claims 4 elements"));
  EXPECT_THAT(refusal(Idx({2, 2}, {1, 2, 3, 4, 5})), HasSubstr("more bytes"));
  EXPECT_THAT(refusal(Idx({0xffffffff, 0xffffffff, 0xffffffff}, {})),
              HasSubstr("more than 2147483648 elements"));
  EXPECT_THAT(refusal(Idx({60000, 28, 28}, {1, 2, 3})), HasSubstr("claims 47040000 elements"));
  EXPECT_THAT(refusal(Gzip(Idx({60000, 28, 28}, {1, 2, 3}))),
              HasSubstr("claims 47040000 elements"));
  EXPECT_THAT(refusal(Gzip(Idx({9, 9}, {1, 2, 3}))), HasSubstr("f: "));
  EXPECT_THAT(refusal({0, 0, 0x0d, 1, 0, 0, 0, 0}), HasSubstr("element type 0x0d; expected 0x08"));
  EXPECT_THAT(refusal({0, 0, 8, 9}), HasSubstr("rank 9; expected 1..4"));
  EXPECT_THAT(refusal({1, 2}), HasSubstr("not idx"));
  EXPECT_THAT(refusal({}), HasSubstr("not idx"));
}

TEST(ParseIdx, AGzipBombIsNotInflated) {
  Bytes zeros = Idx({4}, {1, 2, 3, 4});
  zeros.resize(size_t{1} << 26);  // 64 MiB behind a header of 4 elements
  EXPECT_THAT(ParseIdx(Gzip(zeros), "f").status().message(), HasSubstr("more bytes"));
}

TEST(ParseIdx, TruncatedGzipIsAnError) {
  Bytes pixels(5000);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * i >> 3);
  const Bytes whole = Gzip(Idx({50, 100}, pixels));
  ASSERT_TRUE(ParseIdx(whole, "f").ok());
  for (size_t length = 0; length + 8 < whole.size(); length += 7) {
    EXPECT_FALSE(
        ParseIdx(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(length)), "f").ok())
        << length;
  }
}

TEST(Idx, FashionMnistOfDebianOpens) {
  const Path path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  const auto dataset = Open({.path = path, .split = "validation"});
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_EQ((*dataset)->size(), 10000);
  EXPECT_EQ((*dataset)->classes()[9], "Ankle boot");
  EXPECT_EQ((*dataset)->Label(0), 9);
}

}  // namespace
}  // namespace bluestem::data
