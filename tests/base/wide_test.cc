#include "bluestem/base/wide.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace bluestem {
namespace {

TEST(DifferenceOfProducts, IsExactUntilItIsRounded) {
  EXPECT_EQ(DifferenceOfProducts(0, 5, 7, 0), 0);
  EXPECT_EQ(DifferenceOfProducts(3, 5, 7, 2), 1);
  const uint64_t most = ~uint64_t{0};
  EXPECT_EQ(DifferenceOfProducts(most, most, most - 1, most), std::ldexp(1.0, 64));
  EXPECT_EQ(DifferenceOfProducts(uint64_t{1} << 32, uint64_t{1} << 32, 1, 1), std::ldexp(1.0, 64));
  EXPECT_EQ(DifferenceOfProducts(uint64_t{1} << 63, uint64_t{1} << 63, 0, 0), std::ldexp(1.0, 126));
  // A tie goes to even; a bit more goes up, however low it stands.
  const uint64_t tie = (uint64_t{1} << 53) + 1;
  EXPECT_EQ(DifferenceOfProducts(tie, uint64_t{1} << 40, 0, 0), std::ldexp(1.0, 93));
  EXPECT_EQ(DifferenceOfProducts(tie, (uint64_t{1} << 40) + 1, tie, 0),
            std::ldexp(1.0, 93) + std::ldexp(1.0, 53) + std::ldexp(1.0, 41));
}

#ifdef __SIZEOF_INT128__
TEST(DifferenceOfProducts, IsTheConversionOf128Bits) {
  __extension__ using Wide = unsigned __int128;
  std::mt19937_64 random(1);
  for (int round = 0; round < 100'000; ++round) {
    uint64_t v[4];
    for (uint64_t& value : v) value = random() >> (random() % 64);
    if (Wide{v[0]} * v[1] < Wide{v[2]} * v[3]) {
      std::swap(v[0], v[2]);
      std::swap(v[1], v[3]);
    }
    const auto want = static_cast<double>(Wide{v[0]} * v[1] - Wide{v[2]} * v[3]);
    ASSERT_EQ(DifferenceOfProducts(v[0], v[1], v[2], v[3]), want)
        << v[0] << " * " << v[1] << " - " << v[2] << " * " << v[3];
  }
}
#endif

}  // namespace
}  // namespace bluestem
