// Pictures in a run's event file, read back as TensorBoard reads them: records, events, summaries.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using Text = std::string;

// The fields of a protocol buffer, by number: of varints the value, of others the bytes.
struct Field {
  uint64_t number = 0;
  Text bytes;
};

uint64_t Varint(const Text& text, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0; at < text.size(); shift += 7) {
    const auto byte = static_cast<uint8_t>(text[at++]);
    value |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) break;
  }
  return value;
}

std::map<uint64_t, Field> Fields(const Text& text) {
  std::map<uint64_t, Field> fields;
  for (size_t at = 0; at < text.size();) {
    const uint64_t key = Varint(text, at);
    Field& field = fields[key >> 3];
    const uint64_t kind = key & 7;
    if (kind == 0) {
      field.number = Varint(text, at);
      continue;
    }
    const size_t size = kind == 1 ? 8 : kind == 5 ? 4 : Varint(text, at);
    field.bytes = text.substr(at, size);
    at += size;
  }
  return fields;
}

// The pictures of a file by tag. A record: length u64, a checksum, the event, a checksum.
std::map<Text, image::Image> PicturesOf(const Path& file) {
  const Text text = ReadTextFile(file).value();
  std::map<Text, image::Image> pictures;
  for (size_t at = 0; at + 12 <= text.size();) {
    uint64_t size = 0;
    std::memcpy(&size, text.data() + at, 8);
    const auto event = Fields(text.substr(at + 12, size));
    at += 12 + size + 4;
    if (event.count(5) == 0) continue;
    const auto value = Fields(Fields(event.at(5).bytes).at(1).bytes);
    if (value.count(4) == 0) continue;
    EXPECT_GT(event.at(2).number, 0U);  // the step
    const auto picture = Fields(value.at(4).bytes);
    const Text& png = picture.at(4).bytes;
    const auto decoded = image::Decode(Bytes(png.begin(), png.end()), value.at(1).bytes);
    EXPECT_TRUE(decoded.ok()) << decoded.status().message();
    if (!decoded.ok()) continue;
    EXPECT_EQ(picture.at(1).number, static_cast<uint64_t>(decoded->height));
    EXPECT_EQ(picture.at(2).number, static_cast<uint64_t>(decoded->width));
    EXPECT_EQ(picture.at(3).number, static_cast<uint64_t>(decoded->channels));
    pictures[value.at(1).bytes] = *decoded;
  }
  return pictures;
}

class EventPictures : public SmallRun {};

std::map<Text, image::Image> PicturesOfRun(const Path& run) {
  std::map<Text, image::Image> pictures;
  for (const auto& entry : std::filesystem::directory_iterator(run)) {
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) == 0)
      pictures = PicturesOf(entry.path());
  }
  return pictures;
}

TEST_F(EventPictures, AreOfAnswersTheConfusionMatrixAndTheFirstKernels) {
  ASSERT_TRUE(Train("run", false).ok());
  std::map<Text, image::Image> pictures = PicturesOfRun(folder_ / "run");
  ASSERT_EQ(pictures.count("confusion"), 1U);
  EXPECT_TRUE(pictures.count("predictions/right") == 1 || pictures.count("predictions/wrong") == 1);
  ASSERT_EQ(pictures.count("kernels/stem"), 1U);
  // Two classes: the rows' shares are those of evaluation.json.
  const auto evaluation =
      nlohmann::json::parse(ReadTextFile(RunPaths{folder_ / "run"}.Evaluation()).value());
  const image::Image& matrix = pictures["confusion"];
  ASSERT_EQ(matrix.height, 64);
  ASSERT_EQ(matrix.width, 64);
  for (size_t label = 0; label < 2; ++label) {
    const auto row = evaluation.at("confusion").at(label);
    const double all = row.at(0).get<double>() + row.at(1).get<double>();
    for (size_t answer = 0; answer < 2; ++answer) {
      const double share = row.at(answer).get<double>() / all;
      const double red = label == answer ? 37 : 220;
      const size_t pixel = ((label * 32 + 5) * 64 + answer * 32 + 5) * 3;
      EXPECT_NEAR(matrix.pixels[pixel], 255 + share * (red - 255), 1) << label << answer;
    }
  }
  const image::Image& kernels = pictures["kernels/stem"];
  EXPECT_GT(*std::max_element(kernels.pixels.begin(), kernels.pixels.end()), 200);
  EXPECT_EQ(kernels.channels, 3);
}

TEST_F(EventPictures, OfAnyNumberOfClassesAreTheirLeastAndGreatestScores) {
  AnyLabels();
  ASSERT_TRUE(Train("run", false).ok());
  std::map<Text, image::Image> pictures = PicturesOfRun(folder_ / "run");
  EXPECT_EQ(pictures.count("confusion"), 0U);
  // Two classes, each with three pictures at most, 80 pixels high with two lines below, in a row.
  ASSERT_EQ(pictures.count("predictions/greatest"), 1U);
  EXPECT_EQ(pictures["predictions/greatest"].width, 6 * (80 + 6) + 6);
  EXPECT_EQ(pictures["predictions/greatest"].height, 80 + 6 + 2 * 10 + 6);
  EXPECT_GT(pictures.count("predictions/least") + pictures.count("predictions/right"), 0U);
}

}  // namespace
}  // namespace bluestem::train
