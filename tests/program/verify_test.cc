#include <gmock/gmock.h>

#include "bluestem/program/footprint.h"
#include "bluestem/program/program.h"

namespace bluestem::program {
namespace {

using testing::HasSubstr;

// input0 (f32 [8]) -> relu -> arena -> relu -> output0
Program TwoCalls() {
  Program program;
  program.name = "two";
  program.inputs = {{"x", DType::kF32, {8}}};
  program.outputs = {{"y", DType::kF32, {8}}};
  program.arena_bytes = 64;
  const kernels::UnaryParams relu{kernels::UnaryOp::kRelu, 8, 0, 0};
  Call first;
  first.op = "first";
  first.comment = "Relu first";
  first.params = relu;
  first.inputs = {{Space::kInput, 0}};
  first.output = {Space::kArena, 0};
  Call second = first;
  second.op = "second";
  second.inputs = {{Space::kArena, 0}};
  second.output = {Space::kOutput, 0};
  program.calls = {first, second};
  return program;
}

TEST(Verify, AcceptsAProgramWhoseOperandsLieInside) {
  EXPECT_TRUE(Verify(TwoCalls()).ok());
}

TEST(Verify, NamesTheCallThatReadsPastTheArena) {
  Program program = TwoCalls();
  program.arena_bytes = 16;
  const Status status = Verify(program);
  EXPECT_THAT(status.message(),
              HasSubstr("call 0 (unary for \"first\"): the result needs 32 bytes and has 16"));
}

TEST(Verify, RefusesAWriteToTheConstants) {
  Program program = TwoCalls();
  program.constants.resize(64);
  program.calls[0].output = {Space::kConstants, 0};
  EXPECT_THAT(Verify(program).message(), HasSubstr("must go to the arena or to an output"));
}

TEST(Verify, RefusesAnOperandThatIsNotAligned) {
  Program program = TwoCalls();
  program.arena_bytes = 128;
  program.calls[0].output.offset = 4;
  EXPECT_THAT(Verify(program).message(), HasSubstr("no multiple of 64"));
}

TEST(Verify, RefusesAMissingOperandAndAnUnknownInput) {
  Program program = TwoCalls();
  program.calls[1].inputs = {};
  EXPECT_THAT(Verify(program).message(), HasSubstr("0 operands; unary takes 1"));
  program = TwoCalls();
  program.calls[0].inputs = {{Space::kInput, 3}};
  EXPECT_FALSE(Verify(program).ok());
}

// input0 (f32 [8]) from right to left -> output0
Program Backwards(int64_t from) {
  Program program = TwoCalls();
  kernels::CopyParams copy{};
  copy.element_bytes = 4;
  copy.rank = 1;
  copy.extent[0] = 8;
  copy.x_stride[0] = -1;
  copy.y_stride[0] = 1;
  copy.x_offset = from;
  program.calls.erase(program.calls.begin());
  program.calls[0].params = copy;
  program.calls[0].inputs = {{Space::kInput, 0}};
  return program;
}

TEST(Verify, RefusesACopyThatLeavesItsInputBackwards) {
  EXPECT_TRUE(Verify(Backwards(7)).ok());
  EXPECT_EQ(FootprintOf(Backwards(7).calls[0]).input_bytes, (std::vector<int64_t>{32}));
  EXPECT_THAT(Verify(Backwards(6)).message(), HasSubstr("it begins at element -1"));
  EXPECT_THAT(Verify(Backwards(8)).message(), HasSubstr("input 0 needs 36 bytes and has 32"));
}

TEST(ToText, IsOneLineACall) {
  const std::string text = ToText(TwoCalls());
  EXPECT_THAT(text, HasSubstr("arena+0 = unary(input0)  # Relu first\n"));
  EXPECT_THAT(text, HasSubstr("output0 = unary(arena+0)"));
  EXPECT_THAT(text, HasSubstr("input x [8] f32\n"));
}

TEST(Footprint, OfACopyReachesItsLastElement) {
  kernels::CopyParams copy{};
  copy.element_bytes = 4;
  copy.rank = 2;
  copy.extent[0] = 2;
  copy.extent[1] = 3;
  copy.x_stride[0] = 10;
  copy.x_stride[1] = 1;
  copy.y_stride[0] = 3;
  copy.y_stride[1] = 1;
  copy.x_offset = 5;
  Call call;
  call.params = copy;
  EXPECT_EQ(FootprintOf(call).input_bytes, (std::vector<int64_t>{(5 + 10 + 2 + 1) * 4}));
  EXPECT_EQ(FootprintOf(call).output_bytes, 6 * 4);
}

}  // namespace
}  // namespace bluestem::program
