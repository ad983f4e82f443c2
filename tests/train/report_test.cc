// report.html of runs at any point: what a section says where there is no data, and how the run was
// made.
#include <gmock/gmock.h>

#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;
using testing::Not;

class Report : public SmallRun {
 protected:
  RunPaths Paths() const { return {folder_ / "run"}; }
  std::string Page() { return ReadTextFile(Paths().Report()).value(); }
  std::string Refreshed() {
    const Status status = RefreshReport(folder_ / "run");
    EXPECT_TRUE(status.ok()) << status.message();
    return status.ok() ? Page() : "";
  }
};

TEST_F(Report, OfAFinishedRunIsWrittenAgainAsTrainingWroteIt) {
  experiment_.data.unreadable = "skip";
  ASSERT_TRUE(WriteFile(folder_ / "images" / "dark" / "00.png", std::string("spoilt")).ok());
  ASSERT_TRUE(WriteFile(folder_ / "images" / "light" / "03.png", std::string("spoilt")).ok());
  ASSERT_TRUE(Train("run", false).ok());
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("<dt>notes</dt><dd><pre>data.unreadable: skip: "));
  std::filesystem::remove(Paths().Report());
  EXPECT_EQ(Refreshed(), page);
}

TEST_F(Report, OfAnyNumberOfClassesHasTheirCalibrationAndPredictions) {
  AnyLabels();
  ASSERT_TRUE(Train("run", false).ok());
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("16 scores, all classes together. Expected calibration error"));
  EXPECT_THAT(page, HasSubstr("<h3>dark</h3>"));
  EXPECT_THAT(page, HasSubstr("4 of 8 pictures have it"));
  EXPECT_THAT(page, HasSubstr(", has light\" src=\"data:image/png;base64,"));
  std::filesystem::remove(Paths().Report());
  EXPECT_EQ(Refreshed(), page);
}

TEST_F(Report, BeforeTheFirstEpochSaysWhatIsNotThereYet) {
  ASSERT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  const std::string page = Refreshed();
  EXPECT_THAT(page, HasSubstr("bluestem_s; interrupted at step 2 of 8</p>"));
  EXPECT_THAT(page, HasSubstr("Not there: no epoch is finished yet."));
  EXPECT_THAT(page, HasSubstr("no best checkpoint yet: the run has not finished its first epoch"));
  EXPECT_THAT(page, HasSubstr("<h2>Configuration</h2>"));
  EXPECT_THAT(page, HasSubstr("<h2>Cost</h2>"));
  EXPECT_THAT(page, HasSubstr("<dd>none yet</dd>"));
  EXPECT_THAT(page, Not(HasSubstr("Confusion matrix")));
}

TEST_F(Report, OfAnInterruptedRunIsOfItsBestEpochAndStaysWithoutPictures) {
  ASSERT_EQ(TrainUntil("run", 6).code(), Code::kInterrupted);
  const std::string page = Refreshed();
  EXPECT_THAT(page, HasSubstr("interrupted at step 6 of 8; epoch 1, the best so far, on 8 "
                              "validation images, with the artefact's arithmetic"));
  EXPECT_THAT(page, HasSubstr("Confusion matrix"));
  EXPECT_THAT(page, HasSubstr("<h2>Activation codes</h2>"));
  EXPECT_THAT(page, HasSubstr("<h2>Weight flips</h2>"));
  // Without the pictures what needs none is still there.
  std::filesystem::remove_all(folder_ / "images");
  const std::string without = Refreshed();
  EXPECT_THAT(without,
              HasSubstr("<h2>Answers and activation codes</h2><p class=\"sub\">Not there: "));
  EXPECT_THAT(without, HasSubstr("<h2>Weight flips</h2>"));
  EXPECT_THAT(without, Not(HasSubstr("Confusion matrix")));
}

TEST_F(Report, OfAnUnfinishedRunTakesAnotherBesideIt) {
  ASSERT_TRUE(Train("other", false).ok());
  ASSERT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  EXPECT_THAT(Refreshed(), Not(HasSubstr("accuracy of other")));
  const Status status = CompareReports(folder_ / "run", folder_ / "other");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(Page(), HasSubstr("accuracy of other"));
  EXPECT_THAT(Refreshed(), Not(HasSubstr("accuracy of other")));
}

TEST_F(Report, HasTheFp32BaselineWhenItIsWrittenAgain) {
  experiment_.train.fp32_baseline = true;
  ASSERT_TRUE(Train("run", false).ok());
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("accuracy of the same net in fp32"));
  EXPECT_EQ(Refreshed(), page);
}

TEST_F(Report, OfNoRunFolderIsRefused) {
  const Status status = RefreshReport(folder_ / "absent");
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_THAT(status.message(), HasSubstr("absent: no run.json; expected a run folder"));
}

TEST_F(Report, TellsWhatDiffersFromTheDefaultsAndHowToRepeatTheRun) {
  experiment_.name = "<b>";
  ASSERT_EQ(TrainUntil("run", 2).code(), Code::kInterrupted);
  std::string page = Refreshed();
  EXPECT_THAT(page, HasSubstr("<tr><td>train.learning_rate</td><td>0.05</td><td>0.001</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<tr><td>train.optimizer</td><td>sgd</td><td>momentum</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<td>&quot;&lt;b&gt;&quot;</td>"));
  EXPECT_THAT(page, Not(HasSubstr("<td>train.momentum</td>")));  // as by default
  EXPECT_THAT(page, HasSubstr("Optimizer sgd, rate 0.05, schedule cosine, batch 8, 2 epochs. "));
  EXPECT_THAT(page, HasSubstr("<pre>bluestem train -c config.yaml -o ../again</pre>"));
  EXPECT_THAT(page, HasSubstr("<details><summary>config.yaml, every key</summary>"));
  EXPECT_THAT(page, HasSubstr("momentum: 0.9\n"));  // in the folded file
  EXPECT_THAT(page, Not(HasSubstr("<dt>learning rate</dt>")));
  RunState state = ReadRunState(Paths()).value();
  state.ranks = 2;
  state.rates = {{.step = 0, .learning_rate = 0.05}, {.step = 2, .learning_rate = 0.01}};
  ASSERT_TRUE(WriteRunState(Paths(), state).ok());
  page = Refreshed();
  EXPECT_THAT(page, HasSubstr("-o ../again --nproc 2</pre>"));
  EXPECT_THAT(page, HasSubstr("<dt>learning rate</dt><dd>0.05, after step 2 0.01</dd>"));
}

}  // namespace
}  // namespace bluestem::train
