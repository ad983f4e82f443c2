// Pictures with any number of classes: a CSV file of labels through the commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "bluestem/image/draw.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

struct Shape {
  const char* name;
  image::Colour colour;
};
constexpr Shape kShapes[] = {
    {"red", {230, 40, 40}}, {"green", {40, 200, 60}}, {"blue", {50, 70, 240}}};

// Writes labels.csv and pictures of 16 x 16: noisy grey with a square of each colour, each there in
// two of five, at a random place. Picture 0 has none, picture 1 all.
Path WriteShapes(const Path& folder, int count) {
  std::mt19937 random(5);
  const auto below = [&](uint32_t n) { return static_cast<int32_t>(random() % n); };
  std::string table = "image,labels\n";
  EXPECT_TRUE(MakeFolder(folder / "pictures").ok());
  for (int i = 0; i < count; ++i) {
    image::Image picture{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3)};
    for (uint8_t& pixel : picture.pixels) pixel = static_cast<uint8_t>(60 + below(60));
    std::string labels;
    for (const Shape& shape : kShapes) {
      const bool there = below(5) < 2;
      if (i == 0 || (i != 1 && !there)) continue;
      labels += (labels.empty() ? "" : "|") + std::string(shape.name);
      image::FillBox(picture, {below(11), below(11), 6, 6}, shape.colour);
    }
    const std::string name = fmt::format("{:03}.png", i);
    EXPECT_TRUE(WriteFile(folder / "pictures" / name, image::EncodePng(picture).value()).ok());
    table += name + "," + (labels.empty() ? "No Finding" : labels) + "\n";
  }
  EXPECT_TRUE(WriteFile(folder / "labels.csv", table).ok());
  return folder;
}

TEST(MultiLabel, DataCheckCountsClassesPairsAndPicturesWithout) {
  const Path data = WriteShapes(Scratch() / "data", 40);
  const ToolResult json = Tool({"data", "check", data.string(), "--json"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto split = json.Json()["splits"][0];
  int64_t labels = 0, pairs = 0;
  for (const auto& row : split["classes"]) labels += row["count"].get<int64_t>();
  for (const auto& row : split["together"]) pairs += row["count"].get<int64_t>();
  const std::string table = ReadTextFile(data / "labels.csv").value();
  int64_t bars = 0, none = 0;
  for (size_t at = 0; (at = table.find("No Finding", at)) != table.npos; ++at) ++none;
  for (const char c : table) bars += c == '|' ? 1 : 0;
  EXPECT_EQ(split["without_label"], none);
  EXPECT_EQ(labels, 40 - none + bars);
  EXPECT_GE(pairs, bars);
  EXPECT_EQ(split["together"].size(), 3U);
  const ToolResult text = Tool({"data", "check", data.string()});
  EXPECT_THAT(text.out, HasSubstr(fmt::format("{} without a label", none)));
  EXPECT_THAT(text.out, HasSubstr("  3 pairs of classes share pictures:\n"));
}

TEST(MultiLabel, DataShowNamesAllClassesOfAPicture) {
  const Path data = WriteShapes(Scratch() / "data", 12);
  const Path each = Scratch() / "each";
  const ToolResult result = Tool({"data", "show", data.string(), "-o",
                                  (Scratch() / "sheet.png").string(), "--each", each.string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> names = Listing(each);
  EXPECT_EQ(names.size(), 12U);
  EXPECT_THAT(names, ::testing::Contains(HasSubstr("_blue, green, red.png")));
  EXPECT_THAT(names, ::testing::Contains(HasSubstr("_-.png")));
}

}  // namespace
}  // namespace bluestem::cli
