// Ranks, each in a thread of this process: what they tell each other, that k of them make the step
// of one, and that a lost one is named.
#include "bluestem/train/internal/ranks.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/integer_block.h"
#include "bluestem/train/internal/validation.h"
#include "tests/data/data_fixture.h"
#include "tests/train/step_fixture.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#pragma GCC diagnostic pop

namespace bluestem::train {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

int64_t FreePort() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(::bind(fd, name, size), 0);
  EXPECT_EQ(::getsockname(fd, name, &size), 0);
  ::close(fd);
  return ::ntohs(address.sin_port);
}

// Runs `work` on every rank.
void OnRanks(int64_t count, const std::function<void(Ranks&)>& work, int64_t timeout_seconds = 60,
             int64_t port = FreePort(), const std::string& store = "") {
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < count; ++rank) {
    threads.emplace_back([=, &work] {
      const auto ranks = Ranks::Join(
          {.rank = rank, .ranks = count, .address = "127.0.0.1", .port = port, .store = store},
          timeout_seconds);
      ASSERT_TRUE(ranks.ok()) << ranks.status().message();
      work(**ranks);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Ranks, AllHaveTheSameSumsAndRankZerosBytes) {
  for (const int64_t count : {1, 2, 3}) {
    OnRanks(count, [&](Ranks& ranks) {
      EXPECT_EQ(ranks.count(), count);
      const auto own = static_cast<float>(ranks.rank() + 1);
      float values[] = {own, 10 * own};
      ranks.Sum(values, 2);
      const auto sum = static_cast<float>(count * (count + 1) / 2);
      EXPECT_THAT(values, ElementsAre(sum, 10 * sum));
      double small[] = {1e-15 * static_cast<double>(own), 1};
      ranks.Sum(small, 2);
      EXPECT_DOUBLE_EQ(small[0], 1e-15 * static_cast<double>(sum));
      EXPECT_EQ(ranks.Max(own), static_cast<float>(count));
      EXPECT_EQ(ranks.OfFirst(ranks.rank() + 7), 7);
      Bytes bytes(static_cast<size_t>(ranks.rank()) + 3, static_cast<uint8_t>(ranks.rank() + 5));
      ranks.Share(bytes);
      EXPECT_EQ(bytes, Bytes(3, 5));
      ranks.Barrier();
    });
  }
}

TEST(Ranks, OfOtherBackendsAreRefused) {
  const int64_t port = FreePort();
  std::vector<std::thread> threads;
  Status second = OkStatus();
  threads.emplace_back([&] {
    const config::RankPlace place{.rank = 0, .ranks = 2, .address = "127.0.0.1", .port = port};
    EXPECT_FALSE(Ranks::Join(place, 1).ok());  // waits for a group that the other never makes
  });
  threads.emplace_back([&] {
    const config::RankPlace place{.rank = 1, .ranks = 2, .address = "127.0.0.1", .port = port};
    second = Ranks::Join(place, 1, {.backend = "mpi", .device = ""}).status();
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(second.code(), Code::kInvalidArgument);
  EXPECT_EQ(second.message(),
            "train.backend: rank 1 has mpi and rank 0 gloo; start every rank with the same");
}

// As torchrun keeps it; ranks that it starts again find nothing of the earlier ones.
TEST(Ranks, MeetAtAStoreThatTheirStarterKeeps) {
  c10d::TCPStoreOptions options;
  options.isServer = true;
  options.waitWorkers = false;
  options.port = static_cast<uint16_t>(FreePort());
  const auto kept = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  for (const char* store : {"/worker/attempt_0", "/worker/attempt_1"}) {
    OnRanks(
        2,
        [](Ranks& ranks) {
          float value = 1;
          ranks.Sum(&value, 1);
          EXPECT_EQ(value, 2.0F);
        },
        60, options.port, store);
    EXPECT_TRUE(kept->check({std::string(store) + "/joined/1"}));
  }
}

// A step of `count` ranks that share the fixture's pictures.
struct JointStep {
  std::vector<std::vector<double>> gradients;
  StepResult result;
};

// `answers` are a teacher's, or null.
JointStep StepOn(int64_t count, const StepFixture& fixture, bool integers,
                 const float* answers = nullptr, const char* device = nullptr) {
  const float class_weights[] = {1, 2, 0.5F, 1};
  std::vector<JointStep> steps(static_cast<size_t>(count));
  OnRanks(count, [&](Ranks& ranks) {
    UseThreads(1);
    Module module(fixture.network, fixture.shapes, 3, ranks);
    if (integers) module.UseIntegers(edge::CpuIsas());
    if (device != nullptr) module.UseDevice(device);
    const int64_t images = kImages / count, first = ranks.rank() * images;
    JointStep& step = steps[static_cast<size_t>(ranks.rank())];
    step.result = module.Step({.count = images,
                               .images = fixture.images.data() + first * 16 * 16 * 3,
                               .labels = fixture.labels.data() + first,
                               .teacher = {.scores = answers ? answers + first * 4 : nullptr,
                                           .temperature = 3,
                                           .weight = 0.6}},
                              {.label_smoothing = 0.1, .class_weights = class_weights, .seed = 5});
    step.gradients = Gradients(module);
  });
  for (const JointStep& step : steps) {
    EXPECT_EQ(step.gradients, steps[0].gradients);
    EXPECT_EQ(step.result.loss, steps[0].result.loss);
  }
  return steps[0];
}

// Sums of f32 are made in another order.
void ExpectTheSame(const JointStep& one, const JointStep& many, double tolerance) {
  EXPECT_NEAR(many.result.loss, one.result.loss, 1e-6);
  EXPECT_EQ(many.result.correct, one.result.correct);
  for (size_t i = 0; i < one.gradients.size(); ++i) {
    std::vector<double> difference = one.gradients[i];
    for (size_t k = 0; k < difference.size(); ++k) difference[k] -= many.gradients[i][k];
    EXPECT_LE(Norm(difference), tolerance * Norm(one.gradients[i])) << i;
  }
}

TEST(Ranks, MakeTheStepOfOneWithTheJointBatch) {
  StepFixture fixture;
  fixture.network.dropout = 0.2;
  fixture.network.blocks[6].dropout = true;
  const JointStep one = StepOn(1, fixture, false), in_integers = StepOn(1, fixture, true);
  for (const int64_t count : {2, 5}) {
    ExpectTheSame(one, StepOn(count, fixture, false), 1e-5);
    // Where the last bit of a gradient decides how its code is rounded, one code is another.
    ExpectTheSame(in_integers, StepOn(count, fixture, true), 0.05);
    ExpectTheSame(one, StepOn(count, fixture, false, nullptr, "cpu"), 1e-5);  // by operators
  }
}

// Wherever a picture lies, it is validated once.
class RankingWithout : public testing::TestWithParam<int64_t> {};

INSTANTIATE_TEST_SUITE_P(Pictures, RankingWithout, testing::Values(-1, 0, 7));

// Each picture counts once, whichever cannot be read (data.unreadable: skip).
TEST_P(RankingWithout, IsTheSameOnManyRanks) {
  StepFixture fixture;
  fixture.network.head = Head::kSigmoid;
  const auto all = std::make_shared<data::BitsDataset>(23, 4);
  all->unreadable = GetParam();
  const image::PreprocessSpec spec{.height = 16, .width = 16, .channels = 3};
  const auto validate = [&](int64_t count) {
    std::vector<EpochMetrics> rows(static_cast<size_t>(count));
    OnRanks(count, [&](Ranks& ranks) {
      UseThreads(1);
      Module module(fixture.network, fixture.shapes, 3, ranks);
      std::vector<int64_t> share;
      for (int64_t i = ranks.rank(); i < all->size(); i += ranks.rank() == 0 ? 1 : count)
        share.push_back(i);
      std::vector<Status> skipped;
      const auto cache = data::PixelCache::Build(*data::Subset(all, share), spec, 1, {},
                                                 data::PixelCache::kMostBytes, &skipped)
                             .value();
      Validate(module, *cache, 0.5, ranks, rows[static_cast<size_t>(ranks.rank())]);
    });
    for (const EpochMetrics& row : rows) {
      EXPECT_EQ(row.validation_auroc, rows[0].validation_auroc);
      EXPECT_EQ(row.validation_accuracy, rows[0].validation_accuracy);
    }
    return rows[0];
  };
  const EpochMetrics one = validate(1);
  EXPECT_GT(one.validation_auroc, 0);
  EXPECT_NE(one.validation_auroc, 0.5);
  for (const int64_t count : {2, 3}) {
    const EpochMetrics many = validate(count);
    EXPECT_NEAR(many.validation_auroc, one.validation_auroc, 0.005);
    EXPECT_NEAR(many.validation_average_precision, one.validation_average_precision, 0.005);
    EXPECT_EQ(many.validation_accuracy, one.validation_accuracy);
    EXPECT_NEAR(many.validation_loss, one.validation_loss, 1e-6);
  }
}

TEST(Ranks, LearnFromATeacherAsOneDoes) {
  const StepFixture fixture;
  std::vector<float> answers;
  Rng rng(7);
  for (int64_t i = 0; i < kImages * 4; ++i)
    answers.push_back(static_cast<float>(rng.Uniform(-3, 3)));
  const JointStep one = StepOn(1, fixture, false, answers.data());
  EXPECT_NE(one.result.loss, StepOn(1, fixture, false).result.loss);
  ExpectTheSame(one, StepOn(2, fixture, false, answers.data()), 1e-5);
}

// Given the same gradients, the codes are those of one rank: what a picture gets is the same bits,
// and the weights' gradient differs by the rounding of its sum.
TEST(Ranks, RoundAsOneDoes) {
  const StepFixture fixture;
  const BlockShape& shape = fixture.shapes[1];
  const int64_t in = shape.h * shape.w * shape.ci, out = shape.norm_h * shape.norm_w * shape.co;
  const auto weights = static_cast<size_t>(shape.co * shape.k);
  Rng rng(6);
  const auto random = [&](size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(rng.Uniform(-1, 1));
    return values;
  };
  const std::vector<float> latent = random(weights), gz = random(kImages * out);
  std::vector<uint8_t> codes(kImages * in);
  for (uint8_t& code : codes) code = static_cast<uint8_t>(rng.Below(4));
  const auto backward = [&](Ranks& ranks, std::vector<float>& gx, std::vector<float>& gw) {
    UseThreads(1);
    const int64_t images = kImages / ranks.count(), first = ranks.rank() * images;
    IntegerBlock block(fixture.network, fixture.shapes, 1, edge::CpuIsas());
    block.TakeWeights(latent.data());
    std::copy_n(codes.begin() + first * in, images * in, block.InputCodes(images));
    gw.resize(weights);
    EXPECT_TRUE(block.Backward(
        images,
        {.gz = gz.data() + first * out, .seed = 9, .gx = gx.data() + first * in, .gw = gw.data()},
        ranks));
    ranks.Sum(gw.data(), static_cast<int64_t>(gw.size()));
  };
  std::vector<float> gx(kImages * in), joint_gx(kImages * in), gw;
  std::vector<std::vector<float>> joint_gw(2);
  backward(Ranks::Alone(), gx, gw);
  OnRanks(2, [&](Ranks& ranks) {
    backward(ranks, joint_gx, joint_gw[static_cast<size_t>(ranks.rank())]);
  });
  EXPECT_EQ(joint_gx, gx);
  EXPECT_EQ(joint_gw[0], joint_gw[1]);
  for (size_t k = 0; k < gw.size(); ++k) EXPECT_NEAR(joint_gw[0][k], gw[k], 1e-4F) << k;
}

TEST(Ranks, HaveTheStatisticsOfAllTheirPictures) {
  const StepFixture fixture;
  std::vector<std::vector<float>> scores(2);
  const auto score = [&](Ranks& ranks, std::vector<float>& into) {
    UseThreads(1);
    Module module(fixture.network, fixture.shapes, 3, ranks);
    module.BeginStatistics();
    const int64_t images = kImages / 2;
    for (int64_t part = 0; part < 2; ++part) {
      if (ranks.count() > 1 && part != ranks.rank()) continue;
      module.AddStatistics({.count = images,
                            .images = fixture.images.data() + part * images * 16 * 16 * 3,
                            .labels = nullptr});
    }
    module.FinishStatistics();
    into = module.Scores({.count = kImages, .images = fixture.images.data(), .labels = nullptr});
  };
  OnRanks(2, [&](Ranks& ranks) { score(ranks, scores[static_cast<size_t>(ranks.rank())]); });
  std::vector<float> alone;
  score(Ranks::Alone(), alone);
  EXPECT_EQ(scores[0], alone);
  EXPECT_EQ(scores[1], alone);
}

TEST(Ranks, OneThatLeavesIsNamedByTheOthers) {
  OnRanks(3, [](Ranks& ranks) {
    float value = 1;
    ranks.Sum(&value, 1);
    if (ranks.rank() == 1) return;
    try {
      ranks.Sum(&value, 1);
      ADD_FAILURE() << "a sum without rank 1";
    } catch (const RankLost& lost) {
      EXPECT_THAT(lost.what(), HasSubstr("rank 1 of 3 is lost"));
    }
  });
}

TEST(Ranks, OneThatIsSilentIsNamedAfterTheTimeout) {
  std::atomic<bool> named{false};
  OnRanks(
      2,
      [&](Ranks& ranks) {
        while (ranks.rank() == 1 && !named) std::this_thread::yield();
        if (ranks.rank() == 1) return;
        try {
          ranks.OfFirst(1);
        } catch (const RankLost& lost) {
          EXPECT_THAT(lost.what(), HasSubstr("rank 1 of 2 is lost"));
        }
        named = true;
      },
      1);
  EXPECT_TRUE(named);
}

}  // namespace
}  // namespace bluestem::train
