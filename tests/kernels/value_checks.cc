#include "tests/kernels/value_checks.h"

#include <cstring>
#include <vector>

#include "bluestem/kernels/elementwise/elementwise.h"
#include "bluestem/kernels/pool/pool.h"
#include "tests/kernels/guarded.h"

namespace bluestem::kernels {
namespace {

// Made on x86-64 with GCC 12 after the tests of accuracy passed; see CheckValueBits.
constexpr uint64_t kRecorded = 12912241595524538045u;

constexpr uint64_t kFnvBasis = 0xcbf29ce484222325u;
constexpr uint64_t kFnvPrime = 0x100000001b3u;

// FNV-1a over 32-bit values; every NaN counts as the same, since which NaN is not defined.
void Hash(uint32_t bits, uint64_t& hash) {
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  hash = (hash ^ (nan ? 0x7fc00000u : bits)) * kFnvPrime;
}

void HashFloats(const std::vector<float>& values, uint64_t& hash) {
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    Hash(bits, hash);
  }
}

std::vector<float> Arguments() {
  std::vector<float> x;
  // Every exponent with a few mantissas, both signs; infinities and NaN come with exponent 255.
  for (uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (uint32_t mantissa : {0u, 1u, 0x2aaaabu, 0x400000u, 0x7fffffu}) {
      for (uint32_t sign : {0u, 1u}) {
        const uint32_t bits = sign << 31 | exponent << 23 | mantissa;
        float value;
        std::memcpy(&value, &bits, sizeof(value));
        x.push_back(value);
      }
    }
  }
  Random random(3);
  for (int i = 0; i < 2000; ++i) x.push_back(random.Real() * 20.0f);
  return x;
}

}  // namespace

uint64_t ValueHash() {
  const std::vector<float> x = Arguments();
  const int64_t count = static_cast<int64_t>(x.size());
  std::vector<float> y(x.size());
  uint64_t hash = kFnvBasis;
  for (int32_t op = 0; op <= static_cast<int32_t>(UnaryOp::kCopy); ++op) {
    unary_f32({.op = static_cast<UnaryOp>(op), .count = count, .p0 = 0.2f, .p1 = 0.5f}, x.data(),
              y.data());
    HashFloats(y, hash);
  }
  std::vector<float> shifted(x.begin() + 1, x.end());
  shifted.push_back(x[0]);
  for (int32_t op = 0; op <= static_cast<int32_t>(BinaryOp::kPow); ++op) {
    const BinaryParams params = {.op = static_cast<BinaryOp>(op),
                                 .rank = 1,
                                 .extent = {static_cast<int32_t>(count)},
                                 .x_stride = {1},
                                 .y_stride = {1}};
    binary_f32(params, x.data(), shifted.data(), y.data());
    HashFloats(y, hash);
  }
  constexpr int32_t kChannels = 20;
  softmax_f32({.rows = count / kChannels, .channels = kChannels}, x.data(), y.data());
  HashFloats(y, hash);
  for (int32_t rounding = 0; rounding < 9; ++rounding) {
    std::vector<uint8_t> codes(x.size());
    const QuantizeParams params = {.count = count,
                                   .scale = 0.25,
                                   .zero_point = 1.5,
                                   .low = -3,
                                   .high = 200,
                                   .rounding = rounding};
    fake_quantize_f32(params, x.data(), y.data());
    HashFloats(y, hash);
    quantize_f32_u8(params, x.data(), codes.data());
    for (const uint8_t code : codes) Hash(code, hash);
  }
  std::vector<float> thresholds;
  for (int32_t i = 0; i < kChannels * 15; ++i) {
    thresholds.push_back(static_cast<float>(i % 15 - 7) * static_cast<float>(1 + i / 15));
  }
  std::vector<uint8_t> codes(x.size());
  threshold_f32_u8({.rows = count / kChannels, .channels = kChannels, .levels = 16}, x.data(),
                   thresholds.data(), codes.data());
  for (const uint8_t code : codes) Hash(code, hash);
  return hash;
}

std::string CheckValueBits() {
  const uint64_t hash = ValueHash();
  if (hash == kRecorded) return "";
  return "hash " + std::to_string(hash) + ", on record " + std::to_string(kRecorded);
}

}  // namespace bluestem::kernels
