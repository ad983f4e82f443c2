#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/program/program.h"
#include "bluestem/runtime/aligned.h"
#include "bluestem/runtime/device.h"
#include "bluestem/runtime/onednn/conv.h"
#include "bluestem/runtime/rehearsal.h"
#include "bluestem/runtime/session.h"
#if __has_include(<oneapi/dnnl/dnnl.h>)
#include "bluestem/runtime/onednn/api.h"
#endif

namespace bluestem::runtime {
namespace {

using kernels::QConvEpilogue;
using kernels::QConvParams;
using testing::HasSubstr;

// What a convolution is; the rest follows.
struct Shape {
  int32_t h = 9, w = 9, ci = 32, co = 32, kernel = 3, stride = 1, dilation = 1, groups = 1, pad = 1;
};

constexpr Shape kShapes[] = {
    {},
    {.h = 1, .w = 1, .ci = 64, .co = 10, .kernel = 1, .pad = 0},
    {.h = 14, .w = 11, .ci = 33, .co = 17},
    {.h = 13, .w = 17, .ci = 3, .co = 32},
    {.h = 16, .w = 16, .ci = 64, .co = 128, .stride = 2},
    {.h = 15, .w = 12, .ci = 48, .co = 80, .kernel = 5, .pad = 2},
    {.h = 20, .w = 20, .ci = 16, .co = 24, .kernel = 7, .stride = 3, .pad = 3},
    {.h = 17, .w = 19, .ci = 20, .co = 40, .dilation = 2, .pad = 2},
    {.h = 12, .w = 12, .ci = 64, .co = 64, .groups = 4},
    {.h = 12, .w = 12, .ci = 10, .co = 6, .groups = 2},
    {.h = 12, .w = 13, .ci = 48, .co = 48, .groups = 48},
    {.h = 24, .w = 24, .ci = 1100, .co = 40, .kernel = 1, .pad = 0},
    {.h = 28, .w = 28, .ci = 96, .co = 32, .kernel = 1, .stride = 2, .pad = 0},
    {.h = 1, .w = 90, .ci = 32, .co = 64, .kernel = 1, .pad = 0},
    {.h = 6, .w = 6, .ci = 260, .co = 64, .kernel = 3, .pad = 0},
};

// A call with its constants, whose thresholds lie on lines, and codes.
struct Case {
  Case(const Shape& s, int32_t x_bits, int32_t w_bits, int32_t levels, uint32_t seed)
      : random(seed) {
    p.h = s.h;
    p.w = s.w;
    p.ci = s.ci;
    p.co = s.co;
    p.kernel_h = p.kernel_w = s.kernel;
    p.stride_h = p.stride_w = s.stride;
    p.dilation_h = p.dilation_w = s.dilation;
    p.groups = s.groups;
    p.pad_top = p.pad_left = s.pad;
    const int32_t reach = (s.kernel - 1) * s.dilation + 1;
    p.ho = (s.h + 2 * s.pad - reach) / s.stride + 1;
    p.wo = (s.w + 2 * s.pad - reach) / s.stride + 1;
    p.x_bits = x_bits;
    p.w_bits = w_bits;
    p.epilogue = QConvEpilogue::kThreshold;
    p.levels = levels;
    MakeWeights();
    MakeThresholds();
    x.resize(static_cast<size_t>(p.h) * p.w * p.ci);
    for (uint8_t& code : x) code = static_cast<uint8_t>(random() >> 8 & ((1u << x_bits) - 1));
  }

  void MakeWeights() {
    std::vector<int8_t> plain(static_cast<size_t>(p.co) * p.kernel_h * p.kernel_w * p.ci /
                              p.groups);
    const int32_t least = -(1 << (p.w_bits - 1));
    std::uniform_int_distribution<int> draw(least, -least - 1);
    for (int8_t& w : plain) {
      w = static_cast<int8_t>(p.w_bits == 1 ? static_cast<int>(random() >> 31) * 2 - 1
                                            : draw(random));
    }
    weights = AllocateAligned(QConvPackedBytes(p));
    QConvPackWeights(p, plain.data(), weights.get());
  }

  // Steps, offsets and directions of their own for each channel, about as wide as the sums.
  void MakeThresholds() {
    const double terms = static_cast<double>(p.kernel_h) * p.kernel_w * p.ci / p.groups;
    const double spread = std::sqrt(terms) * std::exp2(p.x_bits + p.w_bits - 3) + 2;
    std::uniform_real_distribution<double> about(0.5, 1.5);
    for (int32_t co = 0; co < p.co; ++co) {
      directions.push_back(random() % 3 == 0 ? -1 : 1);
      const double step = 3 * spread / p.levels * about(random);
      const double middle = spread * (about(random) - 1);
      for (int32_t k = 1; k < p.levels; ++k) {
        const double at = middle + (k - p.levels / 2) * step;
        thresholds.push_back(directions.back() * static_cast<int32_t>(std::ceil(at)));
      }
    }
  }

  ConvConstants constants() const { return {weights.get(), thresholds.data(), directions.data()}; }
  size_t result_bytes() const {
    return static_cast<size_t>(p.ho) * p.wo * p.co *
           (p.epilogue == QConvEpilogue::kThreshold ? 1 : sizeof(int32_t));
  }
  kernels::QConvArgs args(std::vector<uint8_t>& y) const {
    kernels::QConvArgs args{};
    args.x = x.data();
    args.weights = weights.get();
    args.thresholds = thresholds.data();
    args.directions = directions.data();
    args.y = y.data();
    return args;
  }
  std::vector<uint8_t> Reference() const {
    std::vector<uint8_t> y(result_bytes());
    SelectQConv(p, kernels::IsaBit(kernels::Isa::kReference)).run(p, args(y));
    return y;
  }

  std::mt19937 random;
  QConvParams p{};
  AlignedBytes weights;
  std::vector<int32_t> thresholds;
  std::vector<int8_t> directions;
  std::vector<uint8_t> x;
};

// The threads and the scratch of a session.
struct Crew {
  Crew(const PreparedConv& conv, int32_t threads)
      : memory(AllocateAligned(edge::ThreadPoolBytes(threads) +
                               conv.scratch_bytes() * static_cast<size_t>(threads))) {
    const size_t pool_bytes = edge::ThreadPoolBytes(threads);
    workers = {nullptr, threads, memory.get() + pool_bytes, conv.scratch_bytes()};
    if (threads > 1) workers.pool = edge::StartThreads(threads, memory.get());
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { edge::StopThreads(workers.pool); }
  AlignedBytes memory;
  edge::Workers workers{};
};

std::vector<uint8_t> RunPrepared(const Case& test, PreparedConv& conv, int32_t threads) {
  Crew crew(conv, threads);
  std::vector<uint8_t> y(test.result_bytes(), 0xEE);
  conv.Run(test.args(y), crew.workers);
  return y;
}

class Onednn : public testing::Test {
 protected:
  void SetUp() override {
    const std::string text = OnednnText();
    if (text.find("oneDNN, up to") != 0) GTEST_SKIP() << text;
  }
  // The message of what refuses `test`, or "" where it is taken.
  static std::string Refusal(const Case& test, kernels::IsaSet isas = edge::CpuIsas()) {
    const auto conv = PrepareOnednnConv(test.p, test.constants(), isas, 1);
    return conv.ok() ? "" : conv.status().message();
  }
};

TEST_F(Onednn, GivesTheBitsOfTheReference) {
  uint32_t seed = 0;
  int32_t taken = 0;
  for (const Shape& shape : kShapes) {
    for (const auto& [x_bits, w_bits] : {std::pair{1, 1}, {2, 1}, {2, 2}, {4, 4}, {8, 4}, {8, 8}}) {
      for (const int32_t levels : {2, 16, 256}) {
        const Case test(shape, x_bits, w_bits, levels, ++seed);
        SCOPED_TRACE(testing::Message() << shape.h << "x" << shape.w << " " << shape.ci << "->"
                                        << shape.co << " kernel " << shape.kernel << " u" << x_bits
                                        << "s" << w_bits << ", " << levels << " levels");
        const auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), 1);
        if (!conv.ok()) {
          // Sums that are many to a code may be finer than f32; a CPU without VNNI has 16 bits for
          // two products.
          EXPECT_THAT(conv.status().message(),
                      testing::AnyOf(HasSubstr("on no line"), HasSubstr("16 bits")));
          EXPECT_EQ(x_bits, 8);
          continue;
        }
        ++taken;
        EXPECT_EQ(RunPrepared(test, **conv, 1), test.Reference());
      }
    }
  }
  EXPECT_GT(taken, 150);
}

TEST_F(Onednn, GivesTheBitsOfTheReferenceOnThreads) {
  uint32_t seed = 1000;
  for (const Shape& shape : {Shape{.h = 40, .w = 40}, Shape{.h = 41, .w = 23, .stride = 2},
                             Shape{.h = 50, .w = 50, .kernel = 1, .pad = 0},
                             Shape{.h = 33, .w = 40, .kernel = 5, .dilation = 2, .pad = 4}}) {
    for (const int32_t threads : {2, 3}) {
      const Case test(shape, 4, 4, 16, ++seed);
      ASSERT_EQ(edge::PartCount(test.p, threads), threads);
      const auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), threads);
      ASSERT_TRUE(conv.ok()) << conv.status().message();
      EXPECT_EQ(RunPrepared(test, **conv, threads), test.Reference()) << shape.h;
    }
  }
}

TEST_F(Onednn, GivesRawSums) {
  Case test({.h = 20, .w = 20}, 4, 4, 16, 3);
  test.p.epilogue = QConvEpilogue::kRaw;
  const auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), 1);
  ASSERT_TRUE(conv.ok()) << conv.status().message();
  EXPECT_EQ(RunPrepared(test, **conv, 1), test.Reference());
}

TEST_F(Onednn, NamesWhatItDoesNotTake) {
  Case real({}, 4, 4, 16, 1);
  real.p.epilogue = QConvEpilogue::kAffine;
  EXPECT_THAT(Refusal(real), HasSubstr("real results"));
  Case added({}, 4, 4, 16, 1);
  added.p.residual_bits = 2;
  EXPECT_THAT(Refusal(added), HasSubstr("a residual"));
  Case padded({}, 4, 4, 16, 1);
  padded.p.pad_value = 3;
  EXPECT_THAT(Refusal(padded), HasSubstr("padding reads code 3"));
  Case great({.ci = 2000, .pad = 0}, 8, 8, 16, 1);
  great.p.epilogue = QConvEpilogue::kRaw;
  EXPECT_THAT(Refusal(great), testing::AnyOf(HasSubstr("not exact in f32"), HasSubstr("16 bits")));
  Case bent({}, 4, 4, 4, 1);
  const std::vector<int32_t> bend = {0, 5, 90};
  std::copy(bend.begin(), bend.end(), bent.thresholds.begin() + 3 * 7);
  bent.directions[7] = 1;
  EXPECT_THAT(Refusal(bent), HasSubstr("the thresholds of channel 7 of 32 lie on no line"));
  const Case plain({}, 4, 4, 4, 1);
  EXPECT_THAT(Refusal(plain, kernels::kAlways), HasSubstr("which this session does not"));
  EXPECT_EQ(Refusal(plain), "");
}

TEST_F(Onednn, IsFoundSlowerOrFasterOnceAndThenRemembered) {
  const Case test({.h = 31, .w = 29}, 4, 4, 16, 5);
  const kernels::QConvKernel& row = SelectQConv(test.p, edge::CpuIsas());
  auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), 1);
  ASSERT_TRUE(conv.ok());
  EXPECT_EQ(RememberedFaster(test.p, row, 1), std::nullopt);
  Crew crew(**conv, 1);
  const AlignedBytes scratch =
      AllocateAligned(row.scratch_bytes(test.p) + (*conv)->scratch_bytes());
  const edge::Workers workers = {nullptr, 1, scratch.get(), 0};
  const bool faster = PreparedIsFaster(test.p, test.constants(), row, **conv, workers);
  EXPECT_EQ(RememberedFaster(test.p, row, 1), faster);
  EXPECT_EQ(RememberedFaster(test.p, row, 2), std::nullopt);
}

// Gives other codes than it should, in no time.
class Wrong : public PreparedConv {
 public:
  const char* symbol() const override { return "wrong"; }
  size_t scratch_bytes() const override { return 0; }
  void Run(const kernels::QConvArgs&, const edge::Workers&) override {}
};

TEST(Rehearsal, DoesNotTakeWhatGivesOtherBits) {
  const Case test({.h = 30, .w = 31}, 4, 4, 16, 6);
  const kernels::QConvKernel& row = SelectQConv(test.p, edge::CpuIsas());
  const AlignedBytes scratch = AllocateAligned(row.scratch_bytes(test.p));
  Wrong wrong;
  EXPECT_FALSE(
      PreparedIsFaster(test.p, test.constants(), row, wrong, {nullptr, 1, scratch.get(), 0}));
}

// One convolution from input to output.
std::shared_ptr<program::Program> ProgramOf(const Case& test) {
  auto program = std::make_shared<program::Program>();
  const auto constant = [&](const void* data, size_t bytes) {
    const size_t at = program->constants.size();
    program->constants.resize(at + (bytes + 63) / 64 * 64);
    std::memcpy(program->constants.data() + at, data, bytes);
    return program::Operand{program::Space::kConstants, static_cast<int64_t>(at)};
  };
  const QConvParams& p = test.p;
  program->inputs = {{.name = "x", .dtype = DType::kU8, .shape = {1, p.h, p.w, p.ci}}};
  program->outputs = {{.name = "y", .dtype = DType::kU8, .shape = {1, p.ho, p.wo, p.co}}};
  program::Call call;
  call.op = "conv";
  call.params = p;
  call.inputs = {{program::Space::kInput, 0},
                 constant(test.weights.get(), QConvPackedBytes(p)),
                 constant(test.thresholds.data(), test.thresholds.size() * sizeof(int32_t)),
                 constant(test.directions.data(), test.directions.size()),
                 {},
                 {}};
  call.output = {program::Space::kOutput, 0};
  call.macs = int64_t{p.ho} * p.wo * p.co * p.ci * p.kernel_h * p.kernel_w;
  program->calls = {call};
  return program;
}

TEST_F(Onednn, IsNamedByAProfileOfItsCall) {
  const Case test({}, 4, 4, 16, 8);
  const auto program = ProgramOf(test);
  const auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), 1);
  ASSERT_TRUE(conv.ok());
  EXPECT_STREQ(KernelSymbol(program->calls[0], conv->get()), "onednn_u8s8");
  EXPECT_EQ(PartScratch(program->calls[0], conv->get(), 1, 0), (*conv)->scratch_bytes());
}

TEST(Sessions, RunTheSameBitsWhoseverKernelsTheyTake) {
  const Case test({.h = 37, .w = 35, .ci = 64, .co = 64}, 4, 4, 16, 7);
  const auto program = ProgramOf(test);
  Tensor x(DType::kU8, program->inputs[0].shape);
  std::memcpy(x.raw(), test.x.data(), test.x.size());
  const std::string row = SelectQConv(test.p, edge::CpuIsas()).symbol;
  for (const int32_t threads : {1, 2}) {
    for (const Kernels kernels : {Kernels::kFastest, Kernels::kOwn}) {
      auto session = Interpret(program, "", threads, kernels);
      ASSERT_TRUE(session.ok()) << session.status().message();
      std::vector<OpProfile> ops;
      const auto y = (*session)->Profile({x}, ops);
      ASSERT_TRUE(y.ok());
      EXPECT_EQ(std::memcmp((*y)[0].raw(), test.Reference().data(), test.result_bytes()), 0);
      ASSERT_EQ(ops.size(), 1u);
      if (kernels == Kernels::kFastest && ops[0].kernel != row) {
        EXPECT_EQ(ops[0].kernel, "onednn_u8s8");
      } else {
        EXPECT_EQ(ops[0].kernel, row);
      }
    }
  }
}

#if __has_include(<oneapi/dnnl/dnnl.h>)
TEST(OnednnLibrary, SaysWhatToInstallWhereItIsAbsent) {
  const auto absent = LoadOnednnFrom("libabsent.so.7");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.status().code(), Code::kUnavailable);
  EXPECT_THAT(absent.status().message(), HasSubstr("libabsent.so.7"));
  EXPECT_THAT(absent.status().message(), HasSubstr("tools/setup onednn"));
}

TEST(OnednnLibrary, NamesTheFunctionThatALibraryLacks) {
  const auto other = LoadOnednnFrom("libc.so.6");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.status().message(), HasSubstr("libc.so.6 has no dnnl_"));
}
#else
TEST(OnednnLibrary, SaysThatItWasBuiltWithoutIt) {
  const Case test({}, 4, 4, 16, 1);
  const auto conv = PrepareOnednnConv(test.p, test.constants(), edge::CpuIsas(), 1);
  ASSERT_FALSE(conv.ok());
  EXPECT_THAT(conv.status().message(), HasSubstr("built without oneDNN"));
}
#endif

}  // namespace
}  // namespace bluestem::runtime
