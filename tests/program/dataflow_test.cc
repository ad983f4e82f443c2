#include "bluestem/program/dataflow.h"

#include <gtest/gtest.h>

namespace bluestem::program {
namespace {

constexpr Operand kInput = {Space::kInput, 0};
constexpr Operand kBuffer = {Space::kArena, 0};

// Copies `count` bytes to every `step`th byte of the buffer, from byte `offset` on.
Call Copy(int32_t count, int64_t step = 1, int64_t offset = 0) {
  kernels::CopyParams p{};
  p.element_bytes = 1;
  p.rank = 1;
  p.extent[0] = count;
  p.x_stride[0] = 1;
  p.y_stride[0] = step;
  p.y_offset = offset;
  Call call;
  call.params = p;
  call.inputs = {kInput};
  call.output = kBuffer;
  return call;
}

// What the last call, which reads 8 bytes of the buffer, reads from.
std::vector<int64_t> WritersOfTheLast(std::vector<Call> calls) {
  Call reader = Copy(8);
  reader.inputs = {kBuffer};
  reader.output = {Space::kArena, 64};
  calls.push_back(reader);
  Program program;
  program.calls = calls;
  std::vector<int64_t> writers;
  for (const Flow& flow : FlowsOf(program)) {
    if (flow.reader == static_cast<int64_t>(calls.size()) - 1) writers.push_back(flow.writer);
  }
  return writers;
}

TEST(FlowsOf, ACopyOfAllThatIsReadHidesWhatWasThereBefore) {
  EXPECT_EQ(WritersOfTheLast({Copy(8), Copy(8)}), (std::vector<int64_t>{1}));
}

TEST(FlowsOf, CopiesOfPartsFlowTogether) {
  EXPECT_EQ(WritersOfTheLast({Copy(4), Copy(4, 1, 4)}), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(WritersOfTheLast({Copy(4, 2, 0), Copy(4, 2, 1)}), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(WritersOfTheLast({Copy(8), Copy(4)}), (std::vector<int64_t>{1, 0}));
}

TEST(FlowsOf, AFillOfAllThatIsReadHidesWhatWasThereBefore) {
  Call fill = Copy(0);
  fill.inputs = {};
  fill.params = FillCall{.element_bytes = 2, .count = 4, .value = 0};
  EXPECT_EQ(WritersOfTheLast({Copy(8), fill}), (std::vector<int64_t>{1}));
  EXPECT_EQ(WritersOfTheLast({Copy(8), fill, Copy(4)}), (std::vector<int64_t>{2, 1}));
}

}  // namespace
}  // namespace bluestem::program
