#include "bluestem/tune/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace bluestem::tune {
namespace {

using ::testing::ElementsAre;

std::vector<int64_t> Epochs(const HalvingOptions& options) {
  std::vector<int64_t> epochs;
  for (const Rung& rung : Rungs(options)) epochs.push_back(rung.epochs);
  return epochs;
}

std::vector<int64_t> Counts(const HalvingOptions& options) {
  std::vector<int64_t> counts;
  for (const Rung& rung : Rungs(options)) counts.push_back(rung.trials);
  return counts;
}

// Which trials trained in each rung, when trial i has accuracy[i] and the ones in `lost` are lost
// in the rung given.
struct Played {
  std::vector<std::vector<int64_t>> entered;
  std::vector<Trial> trials;
};
Played Play(const std::vector<Rung>& rungs, const std::vector<double>& accuracy,
            const std::set<std::pair<int64_t, size_t>>& lost = {}) {
  Played played;
  played.entered.resize(rungs.size());
  const Status status = RunHalving(
      rungs,
      [&](int64_t number, size_t rung) -> Result<Outcome> {
        played.entered[rung].push_back(number);
        if (lost.count({number, rung}) != 0) return Outcome{.lost = "not a number"};
        return Outcome{.accuracy = accuracy[static_cast<size_t>(number)]};
      },
      played.trials);
  EXPECT_TRUE(status.ok());
  return played;
}

TEST(Halving, TheLastRungHasAllEpochsAndEachBeforeItAShare) {
  EXPECT_THAT(Epochs({.eta = 3, .min_epochs = 1, .max_epochs = 9}), ElementsAre(1, 3, 9));
  EXPECT_THAT(Epochs({.eta = 3, .min_epochs = 1, .max_epochs = 10}), ElementsAre(1, 3, 10));
  EXPECT_THAT(Epochs({.eta = 3, .min_epochs = 2, .max_epochs = 9}), ElementsAre(3, 9));
  EXPECT_THAT(Epochs({.eta = 2, .min_epochs = 5, .max_epochs = 5}), ElementsAre(5));
}

TEST(Halving, EachRungKeepsTheCeilingOfAShare) {
  EXPECT_THAT(Counts({.trials = 9, .eta = 3, .max_epochs = 9}), ElementsAre(9, 3, 1));
  EXPECT_THAT(Counts({.trials = 10, .eta = 3, .max_epochs = 9}), ElementsAre(10, 4, 2));
  EXPECT_THAT(Counts({.trials = 1, .eta = 3, .max_epochs = 9}), ElementsAre(1, 1, 1));
  EXPECT_THAT(Counts({.trials = 0, .eta = 4, .max_epochs = 16}), ElementsAre(16, 4, 1));
}

TEST(Halving, TheBestGoOn) {
  const Played played = Play({{1, 4}, {2, 2}, {4, 1}}, {0.1, 0.4, 0.2, 0.3});
  EXPECT_THAT(played.entered,
              ElementsAre(ElementsAre(0, 1, 2, 3), ElementsAre(1, 3), ElementsAre(1)));
  EXPECT_THAT(Ranking(played.trials), ElementsAre(1, 3, 2, 0));
}

TEST(Halving, OfEqualOnesTheEarlierGoesOn) {
  const Played played = Play({{1, 4}, {2, 2}}, {0.3, 0.3, 0.3, 0.3});
  EXPECT_THAT(played.entered[1], ElementsAre(0, 1));
  EXPECT_THAT(Ranking(played.trials), ElementsAre(0, 1, 2, 3));
}

TEST(Halving, ALostTrialMakesRoomForTheNext) {
  const Played played = Play({{1, 4}, {2, 2}}, {0.9, 0.4, 0.2, 0.3}, {{0, 0}});
  EXPECT_THAT(played.entered[1], ElementsAre(1, 3));
  EXPECT_THAT(Ranking(played.trials), ElementsAre(1, 3, 2, 0));
}

TEST(Halving, WhereAFinalistIsLostTheNextBestWins) {
  const Played played = Play({{1, 3}, {3, 1}}, {0.2, 0.9, 0.3}, {{1, 1}});
  EXPECT_THAT(Ranking(played.trials), ElementsAre(2, 0, 1));
}

TEST(Halving, AllLostStillEnds) {
  const Played played = Play({{1, 2}, {3, 1}}, {0, 0}, {{0, 0}, {1, 0}});
  EXPECT_TRUE(played.entered[1].empty());
  for (const Trial& trial : played.trials) EXPECT_TRUE(trial.Lost());
}

TEST(Halving, AFailureOfTheMachineEndsTheSearch) {
  std::vector<Trial> trials;
  const Status status = RunHalving(
      {{1, 3}, {3, 1}},
      [](int64_t number, size_t) -> Result<Outcome> {
        if (number == 1) return Error(Code::kIo, "disk full");
        return Outcome{.accuracy = 0.5};
      },
      trials);
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_EQ(trials[0].outcomes.size(), 1u);
  EXPECT_TRUE(trials[1].outcomes.empty());
}

}  // namespace
}  // namespace bluestem::tune
