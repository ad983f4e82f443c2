// The RTL, simulated, against the functional model: results and clocks.
#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

TEST_F(Rtl, RandomConvolutionsGiveTheModelsBitsInTheModelsClocks) {
  for (uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    ListBuilder list(round);
    list.Conv();
    std::vector<uint8_t> expected = list.Finish(), given = expected;
    EngineModel model{driver_->config()};
    const EngineResult want = model.Run(expected, 0), got = driver_->Run(given, 0);
    ASSERT_EQ(want.status, EngineStatus::kDone) << EngineStatusText(want.status);
    ASSERT_EQ(got.status, want.status) << EngineStatusText(got.status) << " at " << got.index;
    EXPECT_EQ(port_->violation(), "");
    ASSERT_EQ(got.trace.size(), want.trace.size());
    for (size_t i = 0; i < got.trace.size(); ++i) {
      EXPECT_EQ(got.trace[i].start, want.trace[i].start) << "descriptor " << i;
      EXPECT_EQ(got.trace[i].end, want.trace[i].end) << "descriptor " << i;
    }
    EXPECT_EQ(got.clocks, want.clocks);
    EXPECT_EQ(got.array_clocks, want.array_clocks);
    EXPECT_EQ(got.memory_clocks, want.memory_clocks);
    EXPECT_EQ(got.index, want.index);
    ASSERT_TRUE(given == expected);
  }
}

}  // namespace
}  // namespace bluestem::fpga
