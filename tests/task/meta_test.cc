#include "bluestem/task/meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace bluestem::task {
namespace {

using image::Normalize;
using image::ResizeMethod;
using ::testing::HasSubstr;

constexpr const char* kBlueoilMeta = R"(CLASSES:
- airplane
- ship
DATA_FORMAT: NHWC
IMAGE_SIZE:
- 32
- 48
POST_PROCESSOR: null
PRE_PROCESSOR:
- Resize:
    size:
    - 32
    - 48
- DivideBy255: null
TASK: IMAGE.CLASSIFICATION
)";

constexpr const char* kBlueoilConfig = R"(BATCH_SIZE: 1
CLASSES:
- airplane
- ship
DATASET_CLASS: !!python/name:blueoil.datasets.cifar10.Cifar10 ''
IMAGE_SIZE:
- 32
- 32
NETWORK:
  WEIGHT_QUANTIZER_KWARGS: {}
POST_PROCESSOR: null
PRE_PROCESSOR: !!python/object:blueoil.data_processor.Sequence
  processors:
  - !!python/object:blueoil.pre_processor.Resize
    size:
    - 32
    - 32
  - !!python/object:blueoil.pre_processor.PerImageStandardization {}
TASK: !!python/object/apply:blueoil.common.Tasks
- IMAGE.CLASSIFICATION
)";

std::string Refusal(const std::string& yaml) {
  const Result<Meta> meta = ParseMeta(yaml, "meta.yaml");
  EXPECT_FALSE(meta.ok());
  if (meta.ok()) return "";
  EXPECT_EQ(meta.status().code(), Code::kInvalidData);
  return meta.status().message();
}

TEST(Meta, ReadsBlueoilsMeta) {
  const Result<Meta> meta = ParseMeta(kBlueoilMeta, "meta.yaml");
  ASSERT_TRUE(meta.ok()) << meta.status().message();
  EXPECT_EQ(meta->classes, (std::vector<std::string>{"airplane", "ship"}));
  EXPECT_EQ(meta->task, "IMAGE.CLASSIFICATION");
  EXPECT_EQ(meta->preprocess.height, 32);
  EXPECT_EQ(meta->preprocess.width, 48);
  EXPECT_EQ(meta->preprocess.channels, 3);
  EXPECT_EQ(meta->preprocess.resize, ResizeMethod::kNearest);  // Blueoil's default
  EXPECT_EQ(meta->preprocess.normalize, Normalize::kDivideBy255);
}

TEST(Meta, ReadsBlueoilsConfigWithPythonTags) {
  const Result<Meta> meta = ParseMeta(kBlueoilConfig, "config.yaml");
  ASSERT_TRUE(meta.ok()) << meta.status().message();
  EXPECT_EQ(meta->classes.size(), 2u);
  EXPECT_EQ(meta->preprocess.normalize, Normalize::kPerImageStandardization);
}

TEST(Meta, ReadsLeapMindsFiles) {
  const Path folder = Path(BLUESTEM_SOURCE_ROOT "/../shared/models/blueoil/lmnet_quantize_cifar10");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "../shared/models is absent";
  for (const char* name : {"meta.yaml", "config.yaml"}) {
    const Result<Meta> meta = ReadMeta(folder / name);
    ASSERT_TRUE(meta.ok()) << meta.status().message();
    EXPECT_EQ(meta->classes.size(), 10u);
    EXPECT_EQ(meta->preprocess.normalize, Normalize::kDivideBy255);
  }
}

TEST(Meta, WritesAndReadsTheThresholdOfAnyNumberOfClasses) {
  Meta meta{.task = kMultiLabel, .classes = {"a", "b"}, .threshold = 0.35};
  meta.preprocess.height = meta.preprocess.width = 8;
  const std::string yaml = MetaToYaml(meta);
  const Result<Meta> again = ParseMeta(yaml, "meta.yaml");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_TRUE(again->multi_label());
  EXPECT_EQ(again->threshold, 0.35);
  const auto with = [&](const std::string& value) {
    std::string changed = yaml;
    return changed.replace(changed.find("0.35"), 4, value);
  };
  EXPECT_THAT(Refusal(with("1.5")), HasSubstr("Threshold: got \"1.5\"; expected 0..1"));
  EXPECT_THAT(Refusal(with("half")), HasSubstr("Threshold: got \"half\"; expected 0..1"));
  std::string other = yaml;
  other.replace(other.find("Threshold"), 9, "Softmax");
  EXPECT_THAT(Refusal(other), HasSubstr("expected a list such as [{Threshold: 0.5}]"));
  std::string single = yaml;
  single.replace(single.find("MULTI_LABEL_"), 12, "");
  EXPECT_THAT(Refusal(single), HasSubstr("POST_PROCESSOR: expected null for classification"));
}

TEST(Meta, WritesWhatItReads) {
  for (const ResizeMethod resize :
       {ResizeMethod::kNearest, ResizeMethod::kBilinear, ResizeMethod::kArea}) {
    for (const Normalize normalize :
         {Normalize::kNone, Normalize::kDivideBy255, Normalize::kPerImageStandardization}) {
      for (const int32_t channels : {1, 3}) {
        Meta meta;
        meta.classes = {"T-shirt/top", "yes", "12", "a: b", "\"quoted\"", "ä"};
        meta.preprocess = {28, 20, channels, resize, normalize};
        const Result<Meta> again = ParseMeta(MetaToYaml(meta), "meta.yaml");
        ASSERT_TRUE(again.ok()) << again.status().message();
        EXPECT_EQ(again->classes, meta.classes);
        EXPECT_EQ(again->preprocess, meta.preprocess);
      }
    }
  }
}

TEST(Meta, RefusesAnUnknownPreProcessorByName) {
  std::string yaml = kBlueoilMeta;
  yaml.replace(yaml.find("DivideBy255"), 11, "PerImageLinearQuantize");
  EXPECT_THAT(Refusal(yaml),
              HasSubstr("meta.yaml:14:3: PRE_PROCESSOR: unknown \"PerImageLinearQuantize\""));
}

TEST(Meta, NamesWhatIsMissingOrWrong) {
  EXPECT_THAT(Refusal("TASK: IMAGE.CLASSIFICATION\n"), HasSubstr("CLASSES: missing"));
  EXPECT_THAT(Refusal("CLASSES: [a, b]\nIMAGE_SIZE: [8, 8]\n"),
              HasSubstr("PRE_PROCESSOR: missing"));
  EXPECT_THAT(Refusal("CLASSES: [a, b]\nPRE_PROCESSOR: null\n"), HasSubstr("IMAGE_SIZE: missing"));
  EXPECT_THAT(Refusal("CLASSES: [a, b]\nIMAGE_SIZE: [8, 0]\nPRE_PROCESSOR: null\n"),
              HasSubstr("meta.yaml:2:13: IMAGE_SIZE: expected [height, width]"));
  EXPECT_THAT(
      Refusal("CLASSES: [a, b]\nIMAGE_SIZE: [8, 8]\nDATA_FORMAT: NCHW\nPRE_PROCESSOR: null\n"),
      HasSubstr("DATA_FORMAT: got \"NCHW\"; expected NHWC"));
  EXPECT_THAT(Refusal("CLASSES: [a, b]\nTASK: IMAGE.OBJECT_DETECTION\n"),
              HasSubstr("TASK: got \"IMAGE.OBJECT_DETECTION\"; expected IMAGE.CLASSIFICATION"));
  EXPECT_THAT(Refusal("[1, 2"), HasSubstr("meta.yaml:1:"));
}

TEST(Meta, RefusesTwoSizesThatDisagree) {
  EXPECT_THAT(
      Refusal("CLASSES: [a, b]\nIMAGE_SIZE: [8, 8]\nPRE_PROCESSOR:\n- Resize: {size: [4, 8]}\n"),
      HasSubstr("got [4, 8]; IMAGE_SIZE is [8, 8]"));
}

}  // namespace
}  // namespace bluestem::task
