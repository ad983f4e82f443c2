// Fit end to end on small pictures: the run folder, resuming after Ctrl-C and after kill -9 bit for
// bit, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <sstream>
#include <thread>

#include "bluestem/base/rng.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/image/image.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/internal/checkpoint.h"
#include "bluestem/train/internal/device.h"
#include "bluestem/train/internal/run_folder.h"
#include "bluestem/train/train.h"

extern char** environ;

namespace bluestem::train {
namespace {

using testing::HasSubstr;

class FitRun : public testing::Test {
 protected:
  // Class folders of 8x8 pictures: bars down, bars across, noise.
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("bluestem-fit-{}", ::getpid());
    std::filesystem::remove_all(folder_);
    const char* classes[] = {"across", "down", "noise"};
    Rng rng(4);
    for (int label = 0; label < 3; ++label) {
      const Path of = folder_ / "images" / classes[label];
      std::filesystem::create_directories(of);
      for (int i = 0; i < 30; ++i) {
        image::Image picture{.height = 16, .width = 16, .channels = 3, .pixels = {}};
        for (int k = 0; k < 16 * 16 * 3; ++k) {
          const int y = k / 48, x = k / 3 % 16;
          const int bar = label == 0   ? y / 2 % 2
                          : label == 1 ? x / 2 % 2
                                       : static_cast<int>(rng.Below(2));
          picture.pixels.push_back(
              static_cast<uint8_t>(bar * 150 + static_cast<int>(rng.Below(100))));
        }
        ASSERT_TRUE(
            WriteFile(of / fmt::format("{:02}.png", i), image::EncodePng(picture).value()).ok());
      }
    }
    experiment_.name = "test";
    experiment_.data = {.format = "folder",
                        .path = (folder_ / "images").string(),
                        .validation = "",
                        .validation_fraction = 0.2,
                        .height = 16,
                        .width = 16};
    experiment_.augmentation.flip = true;
    experiment_.augmentation.pad_crop = 1;
    experiment_.network.name = "bluestem_s";
    experiment_.network.width = 16;
    experiment_.network.dropout = 0.1;
    experiment_.train = {.batch = 16,
                         .epochs = 6,
                         .threads = 1,
                         .optimizer = "nesterov",
                         .learning_rate = 0.1,
                         .arithmetic = "integer",
                         .checkpoint_steps = 3,
                         .keep_checkpoints = 4};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Starts the program with more words than `fit --output RUN`; in at most `kilobytes` of memory
  // unless 0.
  int RunProgram(const std::string& run, const std::string& words, int64_t kilobytes,
                 std::string* out) {
    EXPECT_TRUE(WriteFile(folder_ / "config.yaml", config::ToYaml(experiment_)).ok());
    const std::string log = (folder_ / "program.log").string();
    const std::string line = fmt::format(
        "{} exec {}/bin/bluestem-train fit --config {} --output {} {} >{} 2>&1",
        kilobytes == 0 ? "" : fmt::format("ulimit -v {};", kilobytes), BLUESTEM_BINARY_DIR,
        (folder_ / "config.yaml").string(), (folder_ / run).string(), words, log);
    const int status = std::system(line.c_str());
    *out = ReadTextFile(log).value();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // Runs until `stop_at` steps (0: to the end) as Ctrl-C would.
  Status FitUntil(const std::string& run, int64_t stop_at, bool resume) {
    std::atomic<bool> interrupted{false};
    FitOptions options{
        .run_folder = folder_ / run, .resume = resume, .progress = {}, .interrupted = &interrupted};
    options.note = [&](const std::string& note) { notes_.push_back(note); };
    options.progress = [&](const Progress& progress) {
      if (stop_at > 0 && progress.step >= stop_at) interrupted.store(true);
    };
    return Fit(experiment_, options);
  }

  std::vector<std::pair<std::string, std::vector<float>>> Weights(const std::string& run) {
    const Result<Checkpoint> checkpoint = ReadCheckpoint(RunPaths{folder_ / run}.Last());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    return checkpoint.ok() ? checkpoint->arrays : decltype(checkpoint->arrays){};
  }

  // What metrics.jsonl says of weight flips, a line an epoch.
  std::vector<std::string> FlipsOf(const std::string& run) {
    std::istringstream lines(ReadTextFile(RunPaths{folder_ / run}.MetricsJsonl()).value());
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);)
      found.push_back(line.substr(std::min(line.size(), line.find("\"flips/"))));
    EXPECT_FALSE(found.empty() || found[0].empty());
    return found;
  }

  Path folder_;
  config::Experiment experiment_;
  std::vector<std::string> notes_;
};

TEST_F(FitRun, LearnsAndLeavesASelfContainedRunFolder) {
  const Status status = FitUntil("run", 0, false);
  ASSERT_TRUE(status.ok()) << status.message();
  const RunPaths paths{folder_ / "run"};
  for (const Path& file :
       {paths.Config(), paths.Meta(), paths.State(), paths.MetricsJsonl(), paths.MetricsCsv(),
        paths.Last(), paths.Best(), paths.Model(), paths.Evaluation(), paths.Report()}) {
    EXPECT_TRUE(std::filesystem::exists(file)) << file;
  }
  const RunState state = ReadRunState(paths).value();
  EXPECT_EQ(state.status, "finished");
  EXPECT_EQ(state.step, state.steps);
  EXPECT_GT(state.best_validation_accuracy, 0.6);
  EXPECT_EQ(config::Load(paths.Config())->train.device, "cpu");  // as the steps are in integers
  EXPECT_THAT(state.device, HasSubstr("CPU ("));
  EXPECT_EQ(task::ReadMeta(paths.Meta())->classes,
            (std::vector<std::string>{"across", "down", "noise"}));
  EXPECT_TRUE(interchange::LoadModel(paths.Model()).ok());
  const std::string report = ReadTextFile(paths.Report()).value();
  for (const char* part :
       {"Confusion matrix", "Calibration", "Right answers", "Worst mistakes", "Weight flips",
        "Activation codes", "Cost", "<svg", "5 of 7 convolutions in integers"})
    EXPECT_THAT(report, HasSubstr(part));
  EXPECT_THAT(report, HasSubstr(state.device));
  EXPECT_THAT(report, testing::Not(HasSubstr("http")));  // needs nothing else
  const std::string codes = ReadTextFile(paths.Codes()).value();
  EXPECT_THAT(codes, HasSubstr("\"images\":18"));
  EXPECT_THAT(codes, HasSubstr("dead_channels"));
  const std::string rows = ReadTextFile(paths.MetricsJsonl()).value();
  EXPECT_THAT(rows, HasSubstr("\"flips/"));
}

TEST_F(FitRun, InterruptedAndResumedEqualsUninterruptedBitForBit) {
  ASSERT_TRUE(FitUntil("whole", 0, false).ok());
  for (const int64_t stop_at : {1, 5, 9}) {  // in an epoch, and beyond its end
    const std::string run = fmt::format("stopped-{}", stop_at);
    const Status status = FitUntil(run, stop_at, false);
    EXPECT_EQ(status.code(), Code::kInterrupted);
    EXPECT_THAT(status.message(), HasSubstr("--resume"));
    const Status resumed = FitUntil(run, 0, true);
    ASSERT_TRUE(resumed.ok()) << resumed.message();
    EXPECT_EQ(Weights(run), Weights("whole")) << stop_at;
    EXPECT_EQ(ReadFile(RunPaths{folder_ / run}.Model()).value(),
              ReadFile(RunPaths{folder_ / "whole"}.Model()).value())
        << stop_at;
  }
}

TEST_F(FitRun, EverythingThatMovesIsInACheckpoint) {
  experiment_.augmentation.mixup = 0.4;
  experiment_.augmentation.cutmix = 1;
  experiment_.network.weight_quantizer = "lsq_2bit";
  experiment_.network.activation_quantizer = "lsq";
  experiment_.network.layer_bits = {"enter=w1"};
  experiment_.train.optimizer = "lamb";
  experiment_.train.learning_rate = 0.01;
  experiment_.train.ema = 0.9;
  experiment_.train.gradient_clip = 1;
  experiment_.train.class_weights = "balanced";
  experiment_.train.schedule = "one-cycle";
  ASSERT_TRUE(FitUntil("whole", 0, false).ok());
  EXPECT_EQ(FitUntil("parts", 10, false).code(), Code::kInterrupted);
  ASSERT_TRUE(FitUntil("parts", 0, true).ok());
  EXPECT_EQ(Weights("parts"), Weights("whole"));
  EXPECT_EQ(FlipsOf("parts"), FlipsOf("whole"));
  EXPECT_EQ(ReadFile(RunPaths{folder_ / "parts"}.Model()).value(),
            ReadFile(RunPaths{folder_ / "whole"}.Model()).value());
}

TEST_F(FitRun, LearnsFromATeacherAndResumesBitForBit) {
  const config::Experiment plain = experiment_;
  experiment_.network.weight_quantizer = experiment_.network.activation_quantizer = "none";
  experiment_.train.arithmetic = "float";
  experiment_.train.epochs = 2;
  ASSERT_TRUE(FitUntil("teacher", 0, false).ok());
  experiment_ = plain;
  experiment_.train.epochs = 3;
  experiment_.augmentation.mixup = 0.4;
  experiment_.augmentation.cutmix = 1;
  ASSERT_TRUE(FitUntil("alone", 0, false).ok());
  experiment_.distillation = {
      .teacher = (folder_ / "teacher").string(), .temperature = 3, .weight = 0.6};
  const Status status = FitUntil("student", 0, false);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_NE(Weights("student"), Weights("alone"));
  EXPECT_EQ(FitUntil("parts", 7, false).code(), Code::kInterrupted);
  ASSERT_TRUE(FitUntil("parts", 0, true).ok());
  EXPECT_EQ(Weights("parts"), Weights("student"));
}

TEST_F(FitRun, RefusesATeacherThatCannotTeach) {
  const auto refusal = [&] {
    std::filesystem::remove_all(folder_ / "student");
    const Status status = FitUntil("student", 0, false);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("distillation.teacher: got "));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "student"));  // said before the run begins
    return status.message();
  };
  experiment_.train.epochs = 1;
  EXPECT_EQ(FitUntil("teacher", 2, false).code(), Code::kInterrupted);
  experiment_.distillation.teacher = (folder_ / "absent").string();
  EXPECT_THAT(refusal(), HasSubstr("train the teacher first"));
  experiment_.distillation.teacher = (folder_ / "teacher").string();
  EXPECT_THAT(refusal(), HasSubstr("at step 2 of 4; expected a finished one"));
  experiment_.distillation.teacher = "";
  ASSERT_TRUE(FitUntil("teacher", 0, true).ok());
  experiment_.distillation.teacher = (folder_ / "teacher").string();
  const config::Experiment fitting = experiment_;
  experiment_.data.normalize = "none";
  EXPECT_THAT(refusal(),
              HasSubstr("reads 16x16x3, divide_by_255 and this experiment 16x16x3, none"));
  experiment_ = fitting;
  const Path meta_file = RunPaths{folder_ / "teacher"}.Meta();
  task::Meta meta = task::ReadMeta(meta_file).value();
  meta.task = task::kMultiLabel;
  ASSERT_TRUE(WriteFile(meta_file, task::MetaToYaml(meta)).ok());
  EXPECT_THAT(refusal(), HasSubstr("its task is IMAGE.MULTI_LABEL_CLASSIFICATION and this"));
  meta.task = task::kClassification;
  ASSERT_TRUE(WriteFile(meta_file, task::MetaToYaml(meta)).ok());
  experiment_.classes = {"noise", "down", "across"};
  EXPECT_THAT(refusal(), HasSubstr("its class 0 is \"across\" and this experiment's is \"noise\""));
  experiment_ = fitting;
  std::filesystem::remove_all(folder_ / "images" / "noise");
  EXPECT_THAT(refusal(), HasSubstr("it knows 3 classes and this experiment has 2"));
}

TEST_F(FitRun, TheAverageOfTheWeightsBecomesTheModel) {
  experiment_.train.ema = 0.9;
  experiment_.train.select = "last";
  ASSERT_TRUE(FitUntil("run", 0, false).ok());
  const auto array = [&](const Path& file, const std::string& name) {
    const Checkpoint checkpoint = ReadCheckpoint(file).value();
    for (const auto& [key, values] : checkpoint.arrays) {
      if (key == name) return values;
    }
    ADD_FAILURE() << file << " has no " << name;
    return std::vector<float>{};
  };
  const RunPaths paths{folder_ / "run"};
  EXPECT_EQ(array(paths.Best(), "deep1/weight"), array(paths.Last(), "average/deep1/weight"));
  EXPECT_NE(array(paths.Best(), "deep1/weight"), array(paths.Last(), "deep1/weight"));
}

TEST_F(FitRun, KilledAndResumedEqualsUninterruptedBitForBit) {
  const Path program = Path(BLUESTEM_BINARY_DIR) / "bin" / "bluestem-train";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not built";
  const Path config = folder_ / "config.yaml";
  ASSERT_TRUE(WriteFile(config, config::ToYaml(experiment_)).ok());
  const auto start = [&](const std::string& run, bool resume) {
    std::vector<std::string> words = {program,    "fit",         "--config", config,
                                      "--output", folder_ / run, "--quiet"};
    if (resume) words.push_back("--resume");
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    pid_t child = -1;
    EXPECT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, list.data(), environ), 0);
    return child;
  };
  const auto wait = [](pid_t child) {
    int state = 0;
    ::waitpid(child, &state, 0);
    return state;
  };
  EXPECT_EQ(wait(start("whole", false)), 0);
  const pid_t child = start("killed", false);
  const Path older = RunPaths{folder_ / "killed"}.Checkpoints() / "step-00000003.ckpt";
  for (int i = 0; i < 6000 && !std::filesystem::exists(older); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_TRUE(WIFSIGNALED(wait(child)));
  EXPECT_EQ(wait(start("killed", true)), 0);
  EXPECT_EQ(Weights("killed"), Weights("whole"));
}

TEST_F(FitRun, ACorruptCheckpointIsNamedWithTheWayOut) {
  EXPECT_EQ(FitUntil("run", 5, false).code(), Code::kInterrupted);
  const RunPaths paths{folder_ / "run"};
  Bytes bytes = ReadFile(paths.Last()).value();
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFile(paths.Last(), bytes).ok());
  const Status status = FitUntil("run", 0, true);
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(),
              HasSubstr("last.ckpt: corrupt checkpoint: its checksum does not match"));
  EXPECT_THAT(status.message(), HasSubstr("step-*.ckpt over it and resume"));
  // The advice holds.
  std::filesystem::copy_file(paths.Checkpoints() / "step-00000003.ckpt", paths.Last(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(FitUntil("run", 0, true).ok());
}

TEST_F(FitRun, ACheckpointOfAnotherNetworkIsNamed) {
  EXPECT_EQ(FitUntil("narrow", 5, false).code(), Code::kInterrupted);
  experiment_.network.width = 32;
  EXPECT_EQ(FitUntil("wide", 5, false).code(), Code::kInterrupted);
  std::filesystem::copy_file(RunPaths{folder_ / "narrow"}.Last(), RunPaths{folder_ / "wide"}.Last(),
                             std::filesystem::copy_options::overwrite_existing);
  const Status status = FitUntil("wide", 0, true);
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("wide/checkpoints/last.ckpt: not a checkpoint of this "
                                          "network: stem/weight has 1536 values in it; the "
                                          "network's has 2304"));
}

TEST_F(FitRun, UnreadablePicturesAreRefusedOrLeftOutAsConfigured) {
  const Path picture = folder_ / "images" / "down" / "07.png";
  ASSERT_TRUE(WriteFile(picture, std::string("no picture")).ok());
  experiment_.train.epochs = 1;
  const Status refused = FitUntil("refused", 0, false);
  EXPECT_EQ(refused.code(), Code::kInvalidData);
  EXPECT_THAT(refused.message(), HasSubstr("down/07.png"));
  EXPECT_THAT(refused.message(), HasSubstr("go on without: data.unreadable: skip"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "refused"));
  experiment_.data.unreadable = "skip";
  const Status skipped = FitUntil("skipped", 0, false);
  ASSERT_TRUE(skipped.ok()) << skipped.message();
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_THAT(notes_[0], HasSubstr("pictures are left out:\n  "));
  EXPECT_THAT(notes_[0], HasSubstr("down/07.png"));
  EXPECT_EQ(ReadRunState({folder_ / "skipped"})->notes, notes_);
  EXPECT_TRUE(MeasureSensitivity(folder_ / "skipped", 1000, {}).ok());
}

TEST_F(FitRun, TooLittleMemorySaysWhatToLower) {
  experiment_.data.height = experiment_.data.width = 512;
  experiment_.network.width = 1024;  // the stem's map alone takes 6.4 GB
  std::string out;
  EXPECT_EQ(RunProgram("run", "--quiet", 4000000, &out), 4) << out;
  EXPECT_THAT(out, HasSubstr("run: out of memory; lower train.batch, network.width or "
                             "data.image_size"));
}

TEST_F(FitRun, EvaluateGivesTheValidationAccuracyOfTheRun) {
  experiment_.data.validation = experiment_.data.path;
  ASSERT_TRUE(FitUntil("run", 0, false).ok());
  const auto dataset =
      data::Open({.format = "folder", .path = folder_ / "images", .split = "", .classes = {}});
  ASSERT_TRUE(dataset.ok());
  const auto scores = Evaluate(folder_ / "run", **dataset, {});
  ASSERT_TRUE(scores.ok()) << scores.status().message();
  ASSERT_EQ(scores->size(), 90U);
  int64_t correct = 0;
  for (size_t i = 0; i < scores->size(); ++i) {
    float sum = 0;
    size_t best = 0;
    for (size_t k = 0; k < 3; ++k) {
      sum += (*scores)[i][k];
      if ((*scores)[i][k] > (*scores)[i][best]) best = k;
    }
    EXPECT_NEAR(sum, 1.0F, 1e-5F);
    correct += static_cast<int32_t>(best) == (*dataset)->Label(static_cast<int64_t>(i)) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(correct) / 90,
              ReadRunState(RunPaths{folder_ / "run"})->best_validation_accuracy,
              0.0224);  // rounding at thresholds: two pictures at most
}

TEST_F(FitRun, TheBaselineIsARunOfItsOwnWithoutQuantizers) {
  experiment_.name = std::string(83, 'n') + "\u00fc";  // with more words no name any more
  experiment_.train.fp32_baseline = true;
  experiment_.train.epochs = 2;
  const Status trained = FitUntil("run", 0, false);
  ASSERT_TRUE(trained.ok()) << trained.message();
  const Path baseline = RunPaths{folder_ / "run"}.Baseline();
  EXPECT_EQ(config::Load(baseline / "config.yaml")->network.weight_quantizer, "none");
  EXPECT_TRUE(std::filesystem::exists(baseline / "model.onnx"));
  EXPECT_THAT(ReadTextFile(folder_ / "run" / "report.html").value(),
              testing::AllOf(HasSubstr("accuracy of the same net in fp32"), HasSubstr("- - fp32")));
  // One that failed and went on by itself with another rate is taken as it is.
  config::Experiment other = config::Load(baseline / "config.yaml").value();
  other.train.learning_rate /= 10;
  ASSERT_TRUE(WriteFile(baseline / "config.yaml", config::ToYaml(other)).ok());
  const Status again = FitUntil("run", 0, true);
  EXPECT_TRUE(again.ok()) << again.message();
}

TEST_F(FitRun, MaxMinutesChoosesTheStepsOnceAndKeepsThem) {
  experiment_.train.epochs = 100000;
  experiment_.train.max_minutes = 0.02;
  ASSERT_TRUE(FitUntil("run", 2, false).code() == Code::kInterrupted);
  const int64_t steps = ReadRunState(RunPaths{folder_ / "run"})->steps;
  EXPECT_GT(steps, 0);
  EXPECT_LT(steps, 100000 * 4);
  experiment_.train.max_minutes = 0.02;
  ASSERT_TRUE(FitUntil("run", 0, true).ok());
  EXPECT_EQ(ReadRunState(RunPaths{folder_ / "run"})->steps, steps);
}

TEST_F(FitRun, AnotherConfigurationOrAnOccupiedFolderIsRefused) {
  EXPECT_EQ(FitUntil("run", 2, false).code(), Code::kInterrupted);
  EXPECT_THAT(FitUntil("run", 0, false).message(), HasSubstr("add --resume"));
  experiment_.train.learning_rate = 0.05;
  const Status status = FitUntil("run", 0, true);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("another configuration (train.learning_rate 0.1, now 0.05)"));
}

TEST_F(FitRun, ALossThatIsNoNumberNamesTheLearningRate) {
  experiment_.train.learning_rate = 1e30;
  const Status status = FitUntil("run", 0, false);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("train.learning_rate"));
}

TEST_F(FitRun, AutoBecomesWhatThisMachineDoes) {
  experiment_.train.arithmetic = "auto";
  EXPECT_EQ(FitUntil("run", 1, false).code(), Code::kInterrupted);
  const bool fast = (edge::CpuIsas() & kernels::IsaBit(kernels::Isa::kAvx2)) != 0;
  EXPECT_EQ(config::Load(folder_ / "run" / "config.yaml")->train.arithmetic,
            fast ? "integer" : "float");
  EXPECT_TRUE(FitUntil("run", 0, true).ok());
}

TEST_F(FitRun, ARunFromBeforeIntegersGoesOnInFloat) {
  experiment_.train.arithmetic = "float";
  EXPECT_EQ(FitUntil("run", 2, false).code(), Code::kInterrupted);
  const Path config = folder_ / "run" / "config.yaml";
  std::string yaml = ReadTextFile(config).value();
  const size_t at = yaml.find("  arithmetic:");
  ASSERT_NE(at, std::string::npos);
  yaml.erase(at, yaml.find('\n', at) - at + 1);
  ASSERT_TRUE(WriteFile(config, yaml).ok());
  experiment_.train.arithmetic = "auto";
  const Status status = FitUntil("run", 0, true);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(config::Load(config)->train.arithmetic, "float");
}

TEST_F(FitRun, CudaIsTakenOrRefusedWithTheReason) {
  experiment_.train.arithmetic = "auto";
  experiment_.train.device = "cuda";
  experiment_.train.epochs = 1;
  const Status status = FitUntil("run", 0, false);
  const CudaDevices found = FindCuda();
  if (found.count > 0) {
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(config::Load(folder_ / "run" / "config.yaml")->train.arithmetic, "float");
    return;
  }
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("train.device: got cuda, but " + found.reason));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

TEST_F(FitRun, IntegersThatNoLayerCanTakeAreRefused) {
  experiment_.network.weight_quantizer = "binary_channel_wise_mean_scaling";
  EXPECT_EQ(
      FitUntil("run", 0, false).message(),
      "train.arithmetic: got integer; no convolution of bluestem_s can be trained in integers "
      "(enter: its weights have more than one scale); use auto or float");
}

}  // namespace
}  // namespace bluestem::train
