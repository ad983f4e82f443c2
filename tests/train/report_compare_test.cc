// Another run in a run's report: what stands there, that it is replaced, and what is refused.
#include "bluestem/train/internal/report_compare.h"

#include <gmock/gmock.h>

#include "bluestem/task/meta.h"
#include "tests/train/small_run.h"

namespace bluestem::train {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class ComparedRun : public SmallRun {
 protected:
  std::string Report(const std::string& run) {
    return ReadTextFile(RunPaths{folder_ / run}.Report()).value();
  }
};

TEST_F(ComparedRun, HasItsCurvesDashedItsAccuracyAndItsCost) {
  ASSERT_TRUE(Train("run", false).ok());
  EXPECT_THAT(Report("run"), Not(HasSubstr("stroke-dasharray")));
  experiment_.train.epochs = 3;
  experiment_.network.weight_quantizer = experiment_.network.activation_quantizer = "none";
  ASSERT_TRUE(Train("twin", false).ok());
  const std::string twin = Report("twin");
  Status status = CompareReports(folder_ / "run", folder_ / "twin");
  ASSERT_TRUE(status.ok()) << status.message();
  const std::string report = Report("run");
  EXPECT_EQ(Count(report, "stroke-dasharray"), 4U);  // accuracy and loss, of both kinds of pictures
  EXPECT_EQ(Count(report, ">- - twin</text>"), 2U);
  EXPECT_THAT(report, HasSubstr("accuracy of twin"));
  EXPECT_THAT(report, HasSubstr("w32a32"));  // in the cost table
  EXPECT_EQ(Report("twin"), twin);
  // The second takes the place of the first; of the same run, the page stays.
  ASSERT_TRUE(CompareReports(folder_ / "run", folder_ / "twin").ok());
  EXPECT_EQ(Report("run"), report);
  ASSERT_TRUE(CompareReports(folder_ / "run", folder_ / "run").ok());
  EXPECT_THAT(Report("run"), Not(HasSubstr("twin")));
}

TEST_F(ComparedRun, IsRefusedWhereItIsNotFinishedOrHasOtherClasses) {
  ASSERT_TRUE(Train("run", false).ok());
  EXPECT_EQ(CompareReports(folder_ / "run", folder_ / "absent").code(), Code::kIo);
  ASSERT_TRUE(Train("other", false).ok());
  const RunPaths other{folder_ / "other"};
  task::Meta meta = task::ReadMeta(other.Meta()).value();
  std::swap(meta.classes[0], meta.classes[1]);
  ASSERT_TRUE(WriteFile(other.Meta(), task::MetaToYaml(meta)).ok());
  const Status status = CompareReports(folder_ / "run", folder_ / "other");
  EXPECT_EQ(status.code(), Code::kInvalidData);
  EXPECT_THAT(status.message(), HasSubstr("other classes or another task"));
  ASSERT_TRUE(WriteFile(RunPaths{folder_ / "run"}.Report(), std::string("<html>")).ok());
  EXPECT_THAT(CompareReports(folder_ / "run", folder_ / "run").message(),
              HasSubstr("no place for another run in it; train again"));
}

}  // namespace
}  // namespace bluestem::train
