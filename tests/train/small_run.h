// Two class folders of 16x16 noise, dark and light, and an experiment that trains on them in a
// second.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "bluestem/base/rng.h"
#include "bluestem/image/image.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/train.h"

namespace bluestem::train {

class SmallRun : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("bluestem-small-run-{}", ::getpid());
    std::filesystem::remove_all(folder_);
    Rng rng(4);
    for (const char* label : {"dark", "light"}) {
      const Path of = folder_ / "images" / label;
      std::filesystem::create_directories(of);
      for (int i = 0; i < 20; ++i) {
        image::Image picture{.height = 16, .width = 16, .channels = 3, .pixels = {}};
        for (int k = 0; k < 16 * 16 * 3; ++k)
          picture.pixels.push_back(
              static_cast<uint8_t>(rng.Below(160) + (label[0] == 'l' ? 90 : 0)));
        ASSERT_TRUE(
            WriteFile(of / fmt::format("{:02}.png", i), image::EncodePng(picture).value()).ok());
      }
    }
    experiment_.data = {.format = "folder",
                        .path = (folder_ / "images").string(),
                        .validation = "",
                        .validation_fraction = 0.2,
                        .height = 16,
                        .width = 16};
    experiment_.network.name = "bluestem_s";
    experiment_.network.width = 16;
    experiment_.train = {.batch = 8,
                         .epochs = 2,
                         .threads = 1,
                         .optimizer = "sgd",
                         .learning_rate = 0.05,
                         .arithmetic = "float"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // From now on of any number of classes a picture, by a CSV file.
  void AnyLabels() {
    std::string table = "image,labels\n";
    for (const char* label : {"dark", "light"})
      for (int i = 0; i < 20; ++i) table += fmt::format("{0}/{1:02}.png,{0}\n", label, i);
    ASSERT_TRUE(WriteFile(folder_ / "images" / "labels.csv", table).ok());
    experiment_.task = "multi_label_classification";
    experiment_.data.format = "csv";
  }

  Status Train(const std::string& run, bool resume) {
    return Fit(experiment_, {.run_folder = folder_ / run, .resume = resume});
  }

  // Runs until `stop_at` steps as Ctrl-C would.
  Status TrainUntil(const std::string& run, int64_t stop_at) {
    std::atomic<bool> interrupted{false};
    FitOptions options{.run_folder = folder_ / run, .interrupted = &interrupted};
    options.progress = [&](const Progress& progress) {
      if (progress.step >= stop_at) interrupted.store(true);
    };
    return Fit(experiment_, options);
  }

  // The arrays of the run's last checkpoint, by name.
  std::map<std::string, std::vector<float>> Weights(const std::string& run) {
    const Result<Checkpoint> checkpoint = ReadCheckpoint(RunPaths{folder_ / run}.Last());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    if (!checkpoint.ok()) return {};
    return {checkpoint->arrays.begin(), checkpoint->arrays.end()};
  }

  Path folder_;
  config::Experiment experiment_;
};

}  // namespace bluestem::train
