#include "bluestem/edge/conv_parts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::edge {
namespace {

using kernels::QConvArgs;
using kernels::QConvKernel;
using kernels::QConvParams;

QConvParams Params() {
  QConvParams p{};
  p.h = p.w = p.ho = p.wo = 8;
  p.ci = 256;
  p.co = 112;
  p.kernel_h = p.kernel_w = 3;
  p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = 1;
  p.pad_top = p.pad_left = 1;
  p.groups = 1;
  p.x_bits = 2;
  p.w_bits = 1;
  p.epilogue = kernels::QConvEpilogue::kThreshold;
  p.levels = 4;
  return p;
}

// Adds to each output code that it was given how many outputs the call has.
void AddOutputs(const QConvParams& p, const QConvArgs& args) {
  auto* y = static_cast<uint8_t*>(args.y);
  const int32_t stride = args.y_channels == 0 ? p.co : args.y_channels;
  for (int32_t pixel = 0; pixel < p.ho * p.wo; ++pixel) {
    for (int32_t co = 0; co < p.co; ++co) {
      y[pixel * stride + co] = static_cast<uint8_t>(y[pixel * stride + co] + p.co);
    }
  }
  args.scratch[p.co - 1] = 1;  // its own, and as large as it asked for
}

constexpr QConvKernel kRow = {
    "of_outputs",
    kernels::Isa::kReference,
    AddOutputs,
    [](const QConvParams&) -> const char* { return nullptr; },
    [](const QConvParams& p) { return static_cast<size_t>(p.co); },
    [](const QConvParams&, int32_t parts) { return parts == 2; },
};

// What a call on `threads` adds to each output.
std::vector<uint8_t> AddedBy(int32_t threads) {
  const QConvParams p = Params();
  const size_t scratch_bytes = PartScratch(kRow, p, threads, 0);
  const std::unique_ptr<void, void (*)(void*)> memory(
      std::aligned_alloc(64, ThreadPoolBytes(threads)), &std::free);
  const std::unique_ptr<void, void (*)(void*)> scratch(
      std::aligned_alloc(64, scratch_bytes * static_cast<size_t>(threads)), &std::free);
  ThreadPool* const pool = StartThreads(threads, memory.get());
  std::vector<uint8_t> y(size_t{64} * 112 + 16);
  const std::vector<uint8_t> weights(kernels::QConvPackedBytes(p));
  QConvArgs args{};
  args.weights = weights.data();
  args.y = y.data();
  RunConv(Workers{pool, threads, static_cast<uint8_t*>(scratch.get()), scratch_bytes}, kRow, p,
          args);
  StopThreads(pool);
  return y;
}

TEST(RunConv, CutsInRunsOfOutputsWhereTheRowSaysSo) {
  const std::vector<uint8_t> y = AddedBy(2);
  for (size_t i = 0; i < y.size(); ++i) {
    const int expected = i >= size_t{64} * 112 ? 0 : i % 112 < 64 ? 64 : 48;
    ASSERT_EQ(y[i], expected) << i;  // blocks of 32: two, and the rest
  }
}

TEST(RunConv, CutsInRunsOfRowsOtherwise) {
  for (const int32_t threads : {1, 3}) {
    const std::vector<uint8_t> y = AddedBy(threads);
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], i < size_t{64} * 112 ? 112 : 0) << i << " " << threads;
    }
  }
}

}  // namespace
}  // namespace bluestem::edge
