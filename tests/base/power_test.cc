#include "bluestem/base/power.h"

#include <gmock/gmock.h>
#include <unistd.h>

namespace bluestem {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A folder laid out as /sys/class.
class PowerTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("bluestem_power_test_{}", ::getpid());
  }
  void TearDown() override { fs::remove_all(root_); }
  void Write(const std::string& file, const std::string& content) const {
    ASSERT_TRUE(MakeFolder((root_ / file).parent_path()).ok());
    ASSERT_TRUE(WriteFile(root_ / file, content).ok());
  }
  void Package(const std::string& energy) const {
    Write("powercap/intel-rapl:0/name", "package-0\n");
    Write("powercap/intel-rapl:0/max_energy_range_uj", "1000000\n");
    if (!energy.empty()) Write("powercap/intel-rapl:0/energy_uj", energy + "\n");
  }
  Path root_;
};

TEST_F(PowerTest, RaplIsEnergyOverTimeAndBeginsAnewAtItsRange) {
  Package("400000");
  PowerMeter meter(root_);
  ASSERT_TRUE(meter.available());
  EXPECT_EQ(meter.source(), "RAPL package-0");
  meter.Start();
  Package("900000");
  EXPECT_DOUBLE_EQ(meter.MeanWatts(2), 0.25);
  Package("100000");  // past 1 J: 0.6 + 0.1
  EXPECT_DOUBLE_EQ(meter.MeanWatts(2), 0.35);
}

TEST_F(PowerTest, ASensorIsTheMeanOfItsSamples) {
  Write("hwmon/hwmon1/name", "ina219\n");
  Write("hwmon/hwmon1/power1_input", "2000000\n");
  PowerMeter meter(root_);
  EXPECT_EQ(meter.source(), "sensor ina219 power1_input");
  meter.Start();
  EXPECT_EQ(meter.MeanWatts(1), 0);
  meter.Sample();
  Write("hwmon/hwmon1/power1_input", "4000000\n");
  meter.Sample();
  EXPECT_DOUBLE_EQ(meter.MeanWatts(1), 3);
}

TEST_F(PowerTest, AMachineThatShowsNothingSaysSo) {
  const PowerMeter nothing(root_);
  EXPECT_FALSE(nothing.available());
  EXPECT_THAT(nothing.source(), HasSubstr("neither RAPL"));
  Package("");
  const PowerMeter hidden(root_);
  EXPECT_FALSE(hidden.available());
  EXPECT_THAT(hidden.source(), HasSubstr("only root may read it"));
}

}  // namespace
}  // namespace bluestem
