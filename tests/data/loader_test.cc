#include "bluestem/data/loader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "bluestem/data/check.h"
#include "tests/data/data_fixture.h"

namespace bluestem::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const image::PreprocessSpec kSpec = {.height = 4, .width = 4};

std::shared_ptr<const PixelCache> Cache(int64_t count) {
  return PixelCache::Build(MemoryDataset(count, 3), kSpec, 2).value();
}

LoaderOptions Options(int64_t threads) {
  LoaderOptions options{.batch = 8, .seed = 5};
  options.augmentation = {.pad_crop = 1, .flip = true, .brightness = 0.3};
  options.threads = threads;
  return options;
}

void ExpectEqual(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.indices, b.indices);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.pixels, b.pixels);
}

TEST(Loader, BytesAndOrderDoNotDependOnThreads) {
  const auto cache = Cache(50);
  Loader one(cache, Options(1));
  Loader four(cache, Options(4));
  EXPECT_EQ(one.steps_per_epoch(), 6);
  for (int i = 0; i < 20; ++i) ExpectEqual(one.Next(), four.Next());
}

TEST(Loader, AResumedLoaderGoesOnWithTheSameBatches) {
  const auto cache = Cache(50);
  Loader whole(cache, Options(2));
  for (int i = 0; i < 6 + 4; ++i) whole.Next();
  Loader resumed(cache, Options(1), 1, 4);
  for (int i = 0; i < 10; ++i) ExpectEqual(whole.Next(), resumed.Next());
}

TEST(Loader, EachEpochShowsEachSampleOnceInAnotherOrder) {
  const auto cache = Cache(24);
  Loader loader(cache, Options(2));
  std::vector<std::vector<int64_t>> orders(2);
  for (std::vector<int64_t>& order : orders) {
    for (int step = 0; step < 3; ++step) {
      const Batch batch = loader.Next();
      order.insert(order.end(), batch.indices.begin(), batch.indices.end());
    }
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 24u);
  }
  EXPECT_NE(orders[0], orders[1]);
}

// A picture is augmented alike whichever rank has it, and ranks go through theirs in other orders.
TEST(Loader, RanksHaveTheSamePicturesAsOneLoader) {
  const auto all = std::make_shared<MemoryDataset>(48, 3);
  const auto pictures = [&](int64_t rank, int64_t ranks) {
    std::vector<int64_t> indices, order;
    for (int64_t i = rank; i < all->size(); i += ranks) indices.push_back(i);
    LoaderOptions options = Options(1);
    options.rank = rank, options.ranks = ranks;
    Loader loader(PixelCache::Build(*Subset(all, indices), kSpec, 1).value(), options);
    std::map<int64_t, Bytes> of_index;
    for (int64_t step = 0; step < loader.steps_per_epoch(); ++step) {
      const Batch batch = loader.Next();
      const auto size = static_cast<size_t>(batch.pixels.bytes()) / batch.indices.size();
      for (size_t i = 0; i < batch.indices.size(); ++i) {
        const uint8_t* pixels = batch.pixels.raw() + i * size;
        of_index[batch.indices[i] * ranks + rank] = Bytes(pixels, pixels + size);
        order.push_back(batch.indices[i]);
      }
    }
    return std::pair(of_index, order);
  };
  const auto [whole, order] = pictures(0, 1);
  auto [first, first_order] = pictures(0, 2);
  const auto [second, second_order] = pictures(1, 2);
  first.insert(second.begin(), second.end());
  EXPECT_EQ(first, whole);
  EXPECT_NE(first_order, second_order);
}

TEST(Loader, WithoutShuffleAndAugmentationItGivesTheCache) {
  const auto cache = Cache(10);
  Loader loader(cache, {.batch = 4, .shuffle = false, .drop_last = false});
  EXPECT_EQ(loader.steps_per_epoch(), 3);
  loader.Next();
  const Batch second = loader.Next();
  EXPECT_THAT(second.indices, ElementsAre(4, 5, 6, 7));
  EXPECT_TRUE(std::equal(second.pixels.raw(), second.pixels.raw() + second.pixels.bytes(),
                         cache->Pixels(4)));
  EXPECT_THAT(loader.Next().labels, ElementsAre(8 % 3, 9 % 3));
}

TEST(Loader, AnIncompleteBatchIsLeftOutUnlessItIsTheOnlyOne) {
  EXPECT_EQ(StepsPerEpoch(17, {.batch = 8}), 2);
  EXPECT_EQ(StepsPerEpoch(17, {.batch = 8, .drop_last = false}), 3);
  EXPECT_EQ(StepsPerEpoch(5, {.batch = 8}), 1);
}

TEST(PixelCache, HoldsWhatPreprocessingGives) {
  const MemoryDataset dataset(5, 2);
  const auto cache = PixelCache::Build(dataset, kSpec, 3).value();
  for (int64_t i = 0; i < 5; ++i) {
    const Tensor pixels = image::ToPixels(dataset.Get(i)->image, kSpec);
    EXPECT_TRUE(std::equal(pixels.raw(), pixels.raw() + pixels.bytes(), cache->Pixels(i)));
    EXPECT_EQ(cache->Label(i), i % 2);
  }
}

TEST(PixelCache, NamesTheUnreadableSampleAndRefusesTooMuch) {
  MemoryDataset dataset(5, 2);
  dataset.unreadable = 3;
  EXPECT_EQ(PixelCache::Build(dataset, kSpec, 2).status().message(),
            "m3: broken; repair or remove what cannot be read (`bluestem data check` lists it)");
  EXPECT_THAT(PixelCache::Build(dataset, kSpec, 2, {}, 100).status().message(),
              HasSubstr("need 240 bytes"));
}

TEST(PixelCache, LeavesUnreadableSamplesOutWhereItMay) {
  MemoryDataset dataset(5, 2);
  dataset.unreadable = 3;
  std::vector<Status> skipped;
  const auto cache = PixelCache::Build(dataset, kSpec, 2, {}, 1 << 20, &skipped).value();
  ASSERT_EQ(skipped.size(), 1U);
  EXPECT_THAT(skipped[0].message(), HasSubstr("m3: broken"));
  ASSERT_EQ(cache->size(), 4);
  const Tensor last = image::ToPixels(dataset.Get(4)->image, kSpec);
  EXPECT_TRUE(std::equal(last.raw(), last.raw() + last.bytes(), cache->Pixels(3)));
  EXPECT_EQ(cache->Label(3), 0);
  EXPECT_EQ(cache->Origin(2), 2);
  EXPECT_EQ(cache->Origin(3), 4);
  MemoryDataset only(1, 1);
  only.unreadable = 0;
  EXPECT_FALSE(PixelCache::Build(only, kSpec, 2, {}, 1 << 20, &skipped).ok());
}

TEST(PixelCache, LeavesPicturesOutEvenly) {
  const auto cache = PixelCache::Build(BitsDataset(8, 3), kSpec, 2).value();
  cache->KeepEvenly(8);
  EXPECT_EQ(cache->size(), 8);
  cache->KeepEvenly(6);  // without pictures 2 and 6
  ASSERT_EQ(cache->size(), 6);
  EXPECT_EQ(cache->Labels(2), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(cache->Labels(5), (std::vector<int32_t>{0, 1, 2}));
  const Tensor third = image::ToPixels(BitsDataset(8, 3).Get(3)->image, kSpec);
  EXPECT_TRUE(std::equal(third.raw(), third.raw() + third.bytes(), cache->Pixels(2)));
}

TEST(PixelCache, KeepsAllLabelsOfEachPicture) {
  BitsDataset dataset(6, 3);
  dataset.unreadable = 1;
  std::vector<Status> skipped;
  const auto cache = PixelCache::Build(dataset, kSpec, 2, {}, 1 << 20, &skipped).value();
  ASSERT_EQ(cache->size(), 5);
  EXPECT_TRUE(cache->multi_label());
  EXPECT_EQ(cache->Labels(0), std::vector<int32_t>{});
  EXPECT_EQ(cache->Labels(4), (std::vector<int32_t>{0, 2}));  // picture 5, after one was left out
  EXPECT_EQ(std::vector<uint8_t>(cache->Marks(2), cache->Marks(2) + 3),
            (std::vector<uint8_t>{1, 1, 0}));
  const auto single = PixelCache::Build(MemoryDataset(3, 2), kSpec, 1).value();
  EXPECT_FALSE(single->multi_label());
  EXPECT_EQ(single->Labels(1), (std::vector<int32_t>{1}));
}

TEST(SplitBySeed, IsStratifiedSeededAndComplete) {
  const auto base = std::make_shared<MemoryDataset>(100, 4);
  const Split split = SplitBySeed(base, 0.2, 1);
  EXPECT_EQ(split.validation->size(), 20);
  std::set<std::string> names;
  std::vector<int> counts(4, 0);
  for (int64_t i = 0; i < 20; ++i) {
    ++counts[static_cast<size_t>(split.validation->Label(i))];
    names.insert(split.validation->Name(i));
  }
  EXPECT_THAT(counts, ElementsAre(5, 5, 5, 5));
  for (int64_t i = 0; i < 80; ++i) names.insert(split.train->Name(i));
  EXPECT_EQ(names.size(), 100u);
  EXPECT_EQ(SplitBySeed(base, 0.2, 1).validation->Name(7), split.validation->Name(7));
  bool differs = false;
  const Split other = SplitBySeed(base, 0.2, 2);
  for (int64_t i = 0; i < 20; ++i)
    differs = differs || other.validation->Name(i) != split.validation->Name(i);
  EXPECT_TRUE(differs);
}

TEST(SplitBySeed, LeavesAtLeastOneOfEachClassForTraining) {
  const Split split = SplitBySeed(std::make_shared<MemoryDataset>(3, 3), 0.5, 1);
  EXPECT_EQ(split.train->size(), 3);
  EXPECT_EQ(split.validation->size(), 0);
}

TEST(Check, FindsUnreadableDuplicatesConflictsAndLeaks) {
  MemoryDataset train(6, 2);
  train.unreadable = 5;
  train.twin_of = {3, 0};  // labels 1 and 0: a conflict
  const MemoryDataset validation(2, 2);
  const CheckReport report = Check(train, &validation, 2, {}).value();
  ASSERT_EQ(report.splits.size(), 2u);
  const SplitReport& split = report.splits[0];
  EXPECT_EQ(split.count, 6);
  EXPECT_THAT(split.class_counts, ElementsAre(3, 3));
  ASSERT_EQ(split.unreadable.size(), 1u);
  EXPECT_EQ(split.unreadable[0].name, "m5");
  EXPECT_EQ(split.unreadable[0].reason, "broken");
  ASSERT_EQ(split.duplicates.size(), 1u);
  EXPECT_THAT(split.duplicates[0].names, ElementsAre("m0", "m3"));
  EXPECT_TRUE(split.duplicates[0].conflicting);
  EXPECT_EQ(split.height.median, 4);
  EXPECT_EQ(split.width.max, 3);
  ASSERT_EQ(report.leaks.size(), 2u);
  EXPECT_EQ(report.leaks[1].train, "m1");
  EXPECT_FALSE(report.leaks[1].conflicting);
  EXPECT_FALSE(report.clean());
}

TEST(Check, ACleanDatasetIsClean) {
  const MemoryDataset train(6, 2);
  const CheckReport report = Check(train, nullptr, 1, {}).value();
  EXPECT_TRUE(report.clean());
  EXPECT_TRUE(report.splits[0].duplicates.empty());
}

TEST(Check, StopsWhenAsked) {
  const MemoryDataset train(600, 2);
  EXPECT_EQ(Check(train, nullptr, 1, [](int64_t) { return false; }).status().code(),
            Code::kInterrupted);
}

}  // namespace
}  // namespace bluestem::data
