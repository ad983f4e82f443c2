// Predictor and Evaluate over a session that computes something simple: score[c] = sum of the
// pixels + c.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "bluestem/predict/evaluate.h"

namespace bluestem::predict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kClasses = {"a", "b", "c"};

class SumSession : public runtime::Session {
 public:
  explicit SumSession(DType dtype, Shape input = {1, 2, 2, 1}, int64_t classes = 3) {
    program::TensorInfo in;
    in.name = "in";
    in.dtype = dtype;
    in.shape = std::move(input);
    in.scale = dtype == DType::kU8 ? 1.0 / 255 : 0;
    inputs_.push_back(in);
    program::TensorInfo out;
    out.name = "out";
    out.shape = {inputs_[0].shape[0], classes};
    outputs_.push_back(out);
  }
  const std::vector<program::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<program::TensorInfo>& outputs() const override { return outputs_; }
  std::string isa() const override { return "test"; }
  int64_t arena_bytes() const override { return 0; }
  int64_t weight_bytes() const override { return 0; }
  std::string model_hash() const override { return ""; }
  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) override {
    Tensor scores(DType::kF32, outputs_[0].shape);
    const int64_t images = scores.shape()[0];
    const int64_t classes = scores.shape()[1];
    const int64_t pixels = inputs[0].size() / images;
    for (int64_t image = 0; image < images; ++image) {
      double sum = 0;
      for (int64_t i = 0; i < pixels; ++i) sum += inputs[0].At(image * pixels + i);
      for (int64_t c = 0; c < classes; ++c) {
        scores.data<float>()[image * classes + c] =
            static_cast<float>(sum + static_cast<double>(c));
      }
    }
    return std::vector<Tensor>{scores};
  }
  Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                      std::vector<runtime::OpProfile>&) override {
    return Run(inputs);
  }

 private:
  std::vector<program::TensorInfo> inputs_;
  std::vector<program::TensorInfo> outputs_;
};

task::Meta MakeMeta() {
  task::Meta meta;
  meta.classes = kClasses;
  meta.preprocess = {.height = 2, .width = 2, .channels = 1};
  return meta;
}

image::Image Grey(std::vector<uint8_t> pixels) {
  return {2, 2, 1, std::move(pixels)};
}

// Image i has four pixels of value i; image `broken` cannot be read.
class NumberedImages : public data::Dataset {
 public:
  explicit NumberedImages(int64_t size, int64_t broken = -1) : size_(size), broken_(broken) {}
  int64_t size() const override { return size_; }
  const std::vector<std::string>& classes() const override { return kClasses; }
  Result<data::Sample> Get(int64_t i) const override {
    if (i == broken_) return Error(Code::kInvalidData, "{}: truncated", Name(i));
    return data::Sample{Grey(std::vector<uint8_t>(4, static_cast<uint8_t>(i))), Label(i), Name(i)};
  }
  int32_t Label(int64_t i) const override { return static_cast<int32_t>(i % 3); }
  std::string Name(int64_t i) const override { return fmt::format("image{}", i); }

 private:
  int64_t size_;
  int64_t broken_;
};

std::vector<std::unique_ptr<Predictor>> Workers(int count) {
  std::vector<std::unique_ptr<Predictor>> workers;
  for (int i = 0; i < count; ++i) {
    workers.push_back(
        Predictor::Create(std::make_unique<SumSession>(DType::kU8), MakeMeta()).value());
  }
  return workers;
}

TEST(Predictor, GivesPixelsToACodeInput) {
  auto predictor = Predictor::Create(std::make_unique<SumSession>(DType::kU8), MakeMeta());
  ASSERT_TRUE(predictor.ok()) << predictor.status().message();
  EXPECT_THAT((*predictor)->Predict(Grey({1, 2, 3, 4}))->scores, ElementsAre(10, 11, 12));
}

TEST(Predictor, GivesNormalizedPixelsToAnF32Input) {
  auto predictor = Predictor::Create(std::make_unique<SumSession>(DType::kF32), MakeMeta());
  ASSERT_TRUE(predictor.ok()) << predictor.status().message();
  EXPECT_FLOAT_EQ((*predictor)->Predict(Grey({255, 0, 0, 51}))->scores[0], 1.2f);
}

TEST(Predictor, TakesAFlatInputOfTheSameSize) {
  auto session = std::make_unique<SumSession>(DType::kF32, Shape{1, 4});
  EXPECT_TRUE(Predictor::Create(std::move(session), MakeMeta()).ok());
}

TEST(Predictor, NamesBothSizesThatDoNotFit) {
  auto session = std::make_unique<SumSession>(DType::kU8, Shape{1, 4, 4, 1});
  const Status status = Predictor::Create(std::move(session), MakeMeta()).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("[1,4,4,1]"));
  EXPECT_THAT(status.message(), HasSubstr("[1,2,2,1]"));
}

TEST(Predictor, NamesTheClassCountThatDoesNotFit) {
  auto session = std::make_unique<SumSession>(DType::kU8, Shape{1, 2, 2, 1}, 10);
  const Status status = Predictor::Create(std::move(session), MakeMeta()).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("[1,10]"));
  EXPECT_THAT(status.message(), HasSubstr("3 classes"));
}

TEST(Predictor, RefusesCodesOfAnotherScaleThanTheMeta) {
  task::Meta meta = MakeMeta();
  meta.preprocess.normalize = image::Normalize::kPerImageStandardization;
  const Status status = Predictor::Create(std::make_unique<SumSession>(DType::kU8), meta).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("depending on the picture"));
}

TEST(Probabilities, AreKeptAsTheyAreAndMadeFromOtherScores) {
  EXPECT_THAT(Probabilities({0.25f, 0.75f}), ElementsAre(0.25f, 0.75f));
  const std::vector<float> made = Probabilities({1000.0f, 1000.0f});
  EXPECT_THAT(made, ElementsAre(0.5f, 0.5f));
}

TEST(Predictor, RefusesScoresThatNoThresholdCanJudge) {
  task::Meta meta = MakeMeta();
  meta.task = task::kMultiLabel;
  auto predictor = Predictor::Create(std::make_unique<SumSession>(DType::kU8), meta).value();
  const image::Image black{2, 2, 1, {0, 0, 0, 0}};  // scores 0, 1, 2
  EXPECT_THAT(predictor->Predict(black).status().message(),
              HasSubstr("gives the score 2, but IMAGE.MULTI_LABEL_CLASSIFICATION expects 0..1"));
}

TEST(Evaluate, GivesTheSameForAnyNumberOfThreads) {
  const NumberedImages images(40);
  const auto one = Evaluate(Workers(1), images, {});
  const auto three = Evaluate(Workers(3), images, {});
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(one->scores, three->scores);
  EXPECT_EQ(one->labels, three->labels);
  EXPECT_EQ(one->counts->total(), 40);
  EXPECT_EQ(one->counts->correct(), 13);  // the last class always wins; 13 of 40 have it
  EXPECT_EQ(three->counts->correct(), 13);
}

TEST(Evaluate, FillsTheCallsOfAModelOfSeveralImages) {
  const auto alone = Evaluate(Workers(1), NumberedImages(11), {});
  for (const DType dtype : {DType::kU8, DType::kF32}) {
    std::vector<std::unique_ptr<Predictor>> workers;
    auto session = std::make_unique<SumSession>(dtype, Shape{4, 2, 2, 1});
    workers.push_back(Predictor::Create(std::move(session), MakeMeta()).value());
    EXPECT_EQ(workers[0]->batch(), 4);
    const auto together = Evaluate(workers, NumberedImages(11), {});
    ASSERT_TRUE(alone.ok() && together.ok());
    ASSERT_EQ(together->scores.size(), 11U);
    EXPECT_EQ(together->labels, alone->labels);
    EXPECT_EQ(together->scores == alone->scores, dtype == DType::kU8);  // pixels, not reals
    EXPECT_FLOAT_EQ(together->scores[10][2], dtype == DType::kU8 ? 42.0f : 2.0f + 40.0f / 255);
  }
}

// Gains by four at once.
class FourSession : public SumSession {
 public:
  explicit FourSession(std::vector<size_t>& together)
      : SumSession(DType::kU8), together_(together) {}
  int32_t batch() const override { return 4; }
  void RunTogether(std::span<runtime::SessionRun> runs) override {
    together_.push_back(runs.size());
    SumSession::RunTogether(runs);
  }

 private:
  std::vector<size_t>& together_;
};

std::vector<std::unique_ptr<Predictor>> OneOfFour(std::vector<size_t>& together) {
  std::vector<std::unique_ptr<Predictor>> workers;
  workers.push_back(Predictor::Create(std::make_unique<FourSession>(together), MakeMeta()).value());
  return workers;
}

TEST(Evaluate, RunsTogetherWhatASessionGainsByAndGivesTheSame) {
  const auto alone = Evaluate(Workers(1), NumberedImages(10), {});
  std::vector<size_t> together;
  const auto shared = Evaluate(OneOfFour(together), NumberedImages(10), {});
  ASSERT_TRUE(alone.ok() && shared.ok());
  EXPECT_EQ(shared->scores, alone->scores);
  EXPECT_EQ(shared->labels, alone->labels);
  EXPECT_THAT(together, ElementsAre(4, 4, 2));
  // Where one cannot be read, the others of its four run, and it is named.
  together.clear();
  const Status broken = Evaluate(OneOfFour(together), NumberedImages(10, 5), {}).status();
  EXPECT_THAT(broken.message(), HasSubstr("image5"));
  EXPECT_THAT(together, ElementsAre(4, 3));
}

TEST(Evaluate, NamesTheImageThatCannotBeRead) {
  const Status status = Evaluate(Workers(2), NumberedImages(40, 17), {}).status();
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("image17"));
}

TEST(Evaluate, StopsWhenInterrupted) {
  int64_t seen = 0;
  EvaluateOptions options;
  options.progress = [&](int64_t done, int64_t) { seen = done; };
  options.interrupted = [&] { return seen >= 5; };
  EXPECT_EQ(Evaluate(Workers(1), NumberedImages(1000), options).status().code(),
            Code::kInterrupted);
  EXPECT_EQ(seen, 5);
}

TEST(Evaluate, SpreadsALimitOverTheDataset) {
  EXPECT_THAT(Spread(10, 4), ElementsAre(0, 2, 5, 7));
  EXPECT_THAT(Spread(3, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(Spread(3, 9), ElementsAre(0, 1, 2));
}

TEST(Median, IsTheLowerMiddleValue) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2);
  EXPECT_EQ(Median({}), 0);
}

}  // namespace
}  // namespace bluestem::predict
