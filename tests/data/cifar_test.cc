#include <gmock/gmock.h>

#include "bluestem/data/formats/pickle.h"
#include "tests/data/data_fixture.h"

namespace bluestem::data {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPlane = 1024;

// Picture i has red i, green i + 1, blue i + 2 everywhere, but for the first red pixel: 200.
std::string Planes(int i) {
  std::string planes;
  for (int c = 0; c < 3; ++c) planes += std::string(kPlane, static_cast<char>(i + c));
  planes[0] = static_cast<char>(200);
  return planes;
}

Bytes ToBytes(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string Little32(size_t value) {
  std::string text;
  for (int shift = 0; shift < 32; shift += 8) text += static_cast<char>(value >> shift);
  return text;
}

// How pickles spell bytes.
enum class Spelling { kPython2, kPython3Protocol2, kPython3 };

std::string PickledBytes(const std::string& bytes, Spelling spelling) {
  if (spelling == Spelling::kPython2) return "T" + Little32(bytes.size()) + bytes;
  if (spelling == Spelling::kPython3) return "B" + Little32(bytes.size()) + bytes;
  std::string utf8;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) utf8 += static_cast<char>(0xc0 | byte >> 6);
    utf8 += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
  }
  return "c_codecs\nencode\nX" + Little32(utf8.size()) + utf8 + "X" + Little32(6) + "latin1\x86R";
}

std::string PickledArray(int count, bool fortran, Spelling spelling) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += Planes(i);
  if (fortran) {
    std::string columns;
    for (int64_t c = 0; c < 3 * kPlane; ++c) {
      for (int i = 0; i < count; ++i) columns += bytes[static_cast<size_t>(i * 3 * kPlane + c)];
    }
    bytes = columns;
  }
  const std::string dtype = "cnumpy\ndtype\n(U\x02u1K" + std::string(1, '\0') +
                            "K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ" + "\xff\xff\xff\xffK" +
                            std::string(1, '\0') + "tb";
  return "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K" + std::string(1, '\0') +
         "tU\x01" + "btR(K\x01(K" + static_cast<char>(count) + "M" + std::string("\x00\x0c", 2) +
         "t" + dtype + (fortran ? "I01\n" : "\x89") + PickledBytes(bytes, spelling) + "tb";
}

std::string PickledBatch(const std::string& labels_key, int count, bool fortran,
                         Spelling spelling) {
  std::string labels = "]q\x01(";
  for (int i = 0; i < count; ++i) labels += std::string("K") + static_cast<char>(i % 10);
  labels += "e";
  return "\x80\x02}q" + std::string(1, '\0') + "(" + PickledBytes("data", spelling) +
         PickledArray(count, fortran, spelling) + PickledBytes(labels_key, spelling) + labels +
         "u.";
}

std::string PickledNames(const std::string& key, int count) {
  std::string text = "(dp0\nS'" + key + "'\np1\n(lp2\n";  // protocol 0
  for (int i = 0; i < count; ++i) text += "S'name " + std::to_string(i) + "'\na";
  return text + "s.";
}

using Cifar = FolderTest;

void ExpectPictures(const Dataset& dataset, int count) {
  ASSERT_EQ(dataset.size(), count);
  for (int i = 0; i < count; ++i) {
    const Sample sample = dataset.Get(i).value();
    EXPECT_EQ(sample.label, i % 10);
    EXPECT_EQ(sample.image.pixels[0], 200);
    EXPECT_EQ(sample.image.pixels[1], i + 1);
    EXPECT_EQ(sample.image.pixels[3], i);
    EXPECT_EQ(sample.image.pixels.back(), i + 2);
  }
}

TEST_F(Cifar, BinaryBatchesOpen) {
  std::string train;
  for (int i = 0; i < 12; ++i) train += static_cast<char>(i % 10) + Planes(i);
  Write("cifar-10-batches-bin/data_batch_1.bin", ToBytes(train));
  Write("cifar-10-batches-bin/test_batch.bin", ToBytes(train.substr(0, 3073 * 4)));
  const auto dataset = OpenRoot("train");
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  ExpectPictures(**dataset, 12);
  EXPECT_EQ((*dataset)->Name(3), "data_batch_1.bin#3");
  EXPECT_EQ((*OpenRoot("validation"))->size(), 4);
  EXPECT_THAT(Refusal(), HasSubstr("divided into splits"));
  EXPECT_EQ(*DetectFormat(root_), "cifar10");
  Write("cifar-10-batches-bin/batches.meta.txt", ToBytes("a\nb\n\n"));
  EXPECT_THAT(Refusal("train"), HasSubstr("2 class names; expected 10"));
  Write("cifar-10-batches-bin/data_batch_1.bin", ToBytes(train.substr(0, 5000)));
  EXPECT_THAT(Refusal("train"), HasSubstr("5000 bytes; expected a multiple of 3073"));
  train[0] = 77;
  Write("cifar-10-batches-bin/data_batch_1.bin", ToBytes(train));
  EXPECT_THAT(Refusal("train"), HasSubstr("picture 0: label 77; expected 0..9"));
}

TEST_F(Cifar, PicklesOfEveryPythonOpen) {
  for (const Spelling spelling :
       {Spelling::kPython2, Spelling::kPython3Protocol2, Spelling::kPython3}) {
    for (const bool fortran : {false, true}) {
      Write("cifar-10-batches-py/data_batch_1",
            ToBytes(PickledBatch("labels", 12, fortran, spelling)));
      Write("cifar-10-batches-py/batches.meta", ToBytes(PickledNames("label_names", 10)));
      const auto dataset = OpenRoot("train");
      ASSERT_TRUE(dataset.ok()) << dataset.status().message();
      ExpectPictures(**dataset, 12);
      EXPECT_EQ((*dataset)->classes()[3], "name 3");
    }
  }
}

TEST_F(Cifar, FineLabelsOfHundredOpen) {
  Write("train", ToBytes(PickledBatch("fine_labels", 3, false, Spelling::kPython2)));
  Write("meta", ToBytes(PickledNames("fine_label_names", 100)));
  const auto dataset = OpenRoot();
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  ExpectPictures(**dataset, 3);
  EXPECT_EQ((*dataset)->classes().size(), 100u);
  EXPECT_EQ(*DetectFormat(root_), "cifar100");
}

TEST(PickleParse, ExecutesNothing) {
  const Result<Pickle> pickle = Pickle::Parse(ToBytes("cos\nsystem\n(S'exit 1'\ntR."), "evil");
  ASSERT_TRUE(pickle.ok());  // a name and its argument, no more
  EXPECT_EQ(pickle->root().kind, Pickle::Kind::kCall);
  EXPECT_EQ(pickle->Child(pickle->root(), 0).text, "os system");
  EXPECT_THAT(Pickle::Parse(ToBytes("(i__main__\nX\n."), "f").status().message(),
              HasSubstr("opcode 0x69"));
}

TEST(PickleParse, MalformedPicklesAreErrors) {
  const std::string whole = PickledBatch("labels", 2, false, Spelling::kPython2);
  for (size_t length = 0; length < 200; ++length) {
    EXPECT_FALSE(Pickle::Parse(ToBytes(whole.substr(0, length)), "f").ok()) << length;
  }
  for (const char* text : {".", "0.", "t.", "K", "h\x05.", "]K\x01s.",
                           "U\xff"
                           "abc.",
                           "(K\x01"
                           "d.",
                           "\x87.", "b.", "(0."}) {
    EXPECT_FALSE(Pickle::Parse(ToBytes(text), "f").ok()) << text;
  }
}

}  // namespace
}  // namespace bluestem::data
