#include "bluestem/edge/row_parts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "bluestem/kernels/elementwise/elementwise.h"
#include "bluestem/kernels/pool/pool.h"
#include "bluestem/kernels/rearrange/rearrange.h"

namespace bluestem::edge {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace)

class Threads {
 public:
  explicit Threads(int32_t threads)
      : memory_(std::aligned_alloc(64, ThreadPoolBytes(threads)), &std::free),
        workers_{StartThreads(threads, memory_.get()), threads, nullptr, 0} {}
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { StopThreads(workers_.pool); }
  const Workers& workers() const { return workers_; }

 private:
  std::unique_ptr<void, void (*)(void*)> memory_;
  Workers workers_;
};

std::vector<float> Reals(size_t count) {
  std::mt19937 random(3);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() % 4001) / 100.0f - 20.0f;
  return values;
}

std::vector<uint8_t> Codes(size_t count) {
  std::mt19937 random(4);
  std::vector<uint8_t> values(count);
  for (uint8_t& value : values) value = static_cast<uint8_t>(random());
  return values;
}

// The call gives with threads what the function gives by itself, and writes nothing behind it.
template <typename Y, typename Run, typename Params, typename X, typename... Operands>
void ExpectSameBits(size_t y_count, Run run, const Params& params, const std::vector<X>& x,
                    Operands... operands) {
  ASSERT_GE(Elements(params), 3 * 4096) << "too small to be cut in three";
  std::vector<Y> expected(y_count + 16, Y{77});
  run(params, x.data(), operands..., expected.data());
  for (const int32_t threads : {1, 2, 3, 8}) {
    const Threads pool(threads);
    std::vector<Y> y(y_count + 16, Y{77});
    RunRows(pool.workers(), run, params, x.data(), y.data(), operands...);
    EXPECT_EQ(y, expected) << threads << " threads";
  }
}

TEST(RowParts, CopiesAreTheSameOnAnyThreads) {
  // Space to depth, a transpose, a channel concatenation's half, and one run.
  const CopyParams depth{1, 4, {18, 18, 2, 128}, {4608, 128, 2304, 1}, {4608, 256, 128, 1}, 0, 0};
  ExpectSameBits<uint8_t>(36 * 36 * 64, strided_copy, depth, Codes(36 * 36 * 64));
  const CopyParams transpose{1, 3, {1, 129, 111}, {0, 1, 129}, {0, 111, 1}, 0, 0};
  ExpectSameBits<uint8_t>(129 * 111, strided_copy, transpose, Codes(129 * 111));
  const CopyParams half{1, 2, {700, 24}, {24, 1}, {48, 1}, 0, 24};
  ExpectSameBits<uint8_t>(700 * 48, strided_copy, half, Codes(700 * 24));
  const CopyParams run{1, 1, {20001}, {1}, {1}, 5, 3};
  ExpectSameBits<uint8_t>(20004, strided_copy, run, Codes(20006));
  const CopyParams two{1, 2, {2, 10000}, {10000, 1}, {1, 2}, 0, 0};  // fewer rows than threads
  ExpectSameBits<uint8_t>(20000, strided_copy, two, Codes(20000));
}

TEST(RowParts, PoolsAreTheSameOnAnyThreads) {
  const PoolParams padded{21, 20, 30, 11, 10, 3, 3, 2, 2, 1, 1, 0};
  ExpectSameBits<uint8_t>(11 * 10 * 30, maxpool_u8, padded, Codes(21 * 20 * 30));
  ExpectSameBits<float>(11 * 10 * 30, maxpool_f32, padded, Reals(21 * 20 * 30));
  ExpectSameBits<float>(11 * 10 * 30, avgpool_f32, padded, Reals(21 * 20 * 30));
  const PoolParams row{3, 130, 20, 1, 128, 3, 3, 1, 1, 0, 0, 0};  // columns are cut
  ExpectSameBits<float>(128 * 20, avgpool_f32, row, Reals(3 * 130 * 20));
  const PoolParams single{70, 10, 20, 70, 10, 1, 1, 1, 1, 0, 0, 0};  // runs of pixels
  ExpectSameBits<uint8_t>(70 * 10 * 20, maxpool_u8, single, Codes(70 * 10 * 20));
}

TEST(RowParts, ElementwiseCallsAreTheSameOnAnyThreads) {
  constexpr size_t kCount = 13001;
  ExpectSameBits<float>(kCount, unary_f32, UnaryParams{UnaryOp::kSigmoid, kCount, 0, 0},
                        Reals(kCount));
  const QuantizeParams quantize{kCount, 0.1, 3, 0, 255, 0};
  ExpectSameBits<uint8_t>(kCount, quantize_f32_u8, quantize, Reals(kCount));
  ExpectSameBits<float>(kCount, fake_quantize_f32, quantize, Reals(kCount));
  ExpectSameBits<float>(kCount, dequantize_u8_f32, DequantizeParams{kCount, 7, 0.3f},
                        Codes(kCount));
  const std::vector<float> a = Reals(13), b = Reals(26);
  ExpectSameBits<float>(13 * 1001, affine_f32, AffineParams{1001, 13, 1}, Reals(13 * 1001),
                        a.data(), b.data() + 13);
  const std::vector<float> real_thresholds = {-9, 0, 9, -5, 1, 2};
  ExpectSameBits<uint8_t>(2 * 7001, threshold_f32_u8, RealThresholdParams{7001, 2, 4},
                          Reals(2 * 7001), real_thresholds.data());
  std::vector<int32_t> sums(2 * 7001);
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<int32_t>(i * 7919 % 41) - 20;
  const std::vector<int32_t> thresholds = {-9, 0, 9, -5, 1, 2};
  const std::vector<int8_t> directions = {1, -1};
  ExpectSameBits<uint8_t>(2 * 7001, threshold_s32_u8, ThresholdParams{7001, 2, 4}, sums,
                          thresholds.data(), directions.data());
}

TEST(RowParts, AreOneWhereWakingCostsMore) {
  EXPECT_EQ(RowParts(4096 * 2 - 1, 8), 1);
  EXPECT_EQ(RowParts(4096 * 2, 8), 2);
  EXPECT_EQ(RowParts(4096 * 100, 8), 8);
}

}  // namespace
}  // namespace bluestem::edge
