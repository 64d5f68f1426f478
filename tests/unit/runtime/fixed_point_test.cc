#include "firmware/runtime/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace tinyrig::runtime {
namespace {

using Wide = __int128;

/// floor(a / b) for b > 0.
Wide FloorDivide(Wide a, Wide b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/// round(a / b), halves up.
Wide RoundUpHalves(Wide a, Wide b) { return FloorDivide(2 * a + b, 2 * b); }

/// round(a / b), halves away from zero.
Wide RoundAwayHalves(Wide a, Wide b) {
  return a >= 0 ? RoundUpHalves(a, b) : -RoundUpHalves(-a, b);
}

/// Values where roundings change their mind, and random ones.
std::vector<int32_t> Interesting() {
  std::vector<int32_t> values = {0, INT32_MIN, INT32_MAX, INT32_MIN + 1};
  for (int bit = 0; bit < 31; ++bit) {
    for (int32_t delta = -2; delta <= 2; ++delta) {
      const int64_t value = (int64_t{1} << bit) + delta;
      if (value > INT32_MAX) continue;
      values.push_back(static_cast<int32_t>(value));
      values.push_back(static_cast<int32_t>(-value));
    }
  }
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) values.push_back(static_cast<int32_t>(random()));
  return values;
}

TEST(FixedPointTest, HighMulRoundsHalvesUpAndSaturatesOnce) {
  const auto values = Interesting();
  for (int32_t a : values) {
    for (int32_t b : values) {
      const Wide expected = RoundUpHalves(Wide{a} * b, Wide{1} << 31);
      const auto limited = static_cast<int32_t>(expected > INT32_MAX ? INT32_MAX : expected);
      ASSERT_EQ(SaturatingRoundingDoublingHighMul(a, b), limited) << a << " * " << b;
    }
  }
  EXPECT_EQ(SaturatingRoundingDoublingHighMul(INT32_MIN, INT32_MIN), INT32_MAX);
}

TEST(FixedPointTest, DivideRoundsHalvesAwayFromZero) {
  for (int32_t x : Interesting()) {
    for (int32_t exponent = 0; exponent <= 31; ++exponent) {
      ASSERT_EQ(RoundingDivideByPot(x, exponent), RoundAwayHalves(x, Wide{1} << exponent))
          << x << " / 2^" << exponent;
    }
  }
}

TEST(FixedPointTest, MultiplierRoundsTwice) {
  // 3 * 0.5 = 1.5 -> 2 by the first rounding; 2 / 4 = 0.5 -> 1 by the second. Rounded once: 0.375
  // -> 0.
  EXPECT_EQ(MultiplyByQuantizedMultiplier(3, 1 << 30, -2), 1);
  std::mt19937 random(9);
  for (int i = 0; i < 100000; ++i) {
    const auto x = static_cast<int32_t>(random()) >> (random() % 31);
    const auto multiplier = static_cast<int32_t>((1u << 30) + random() % (1u << 30));
    const int32_t shift = -static_cast<int32_t>(random() % 32);
    const Wide once = RoundUpHalves(Wide{x} * multiplier, Wide{1} << 31);
    ASSERT_EQ(MultiplyByQuantizedMultiplier(x, multiplier, shift),
              RoundAwayHalves(once, Wide{1} << -shift));
  }
}

TEST(FixedPointTest, LeftShiftsWrapInsteadOfOverflowing) {
  EXPECT_EQ(MultiplyByQuantizedMultiplier(100, 1 << 30, 4), 800);
  EXPECT_EQ(ShiftLeft(INT32_MAX, 1), -2);
  EXPECT_EQ(WrappingAdd(INT32_MAX, 1), INT32_MIN);
}

}  // namespace
}  // namespace tinyrig::runtime
