#pragma once

#include <cstdint>

/// Integer arithmetic as TensorFlow Lite defines it for int8 models ("double rounding").
/// Freestanding, exact, no undefined behaviour for any input. Source: TFLite int8 quantisation
/// spec; checked against a 64-bit model in tests/unit/runtime/fixed_point_test.cc.
namespace tinyrig::runtime {

/// round(a * b / 2^31), halves up; the one overflow (both INT32_MIN) saturates.
inline int32_t SaturatingRoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return static_cast<int32_t>((static_cast<int64_t>(a) * b + (int64_t{1} << 30)) >> 31);
}

/// round(x / 2^exponent), halves away from zero. REQUIRES: exponent in [0, 31].
inline int32_t RoundingDivideByPot(int32_t x, int32_t exponent) {
  const uint32_t mask = (uint32_t{1} << exponent) - 1;
  const uint32_t remainder = static_cast<uint32_t>(x) & mask;
  const uint32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  const int32_t floor = exponent == 31 ? (x < 0 ? -1 : 0) : x >> exponent;
  return floor + (remainder > threshold ? 1 : 0);
}

/// x * 2^shift modulo 2^32. REQUIRES: shift in [0, 31].
inline int32_t ShiftLeft(int32_t x, int32_t shift) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) << shift);
}

/// x * multiplier / 2^31 * 2^shift, rounded twice. REQUIRES: shift in [-31, 30].
inline int32_t MultiplyByQuantizedMultiplier(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return RoundingDivideByPot(SaturatingRoundingDoublingHighMul(ShiftLeft(x, left), multiplier),
                             right);
}

/// a + b and a - b modulo 2^32: what the device's registers do, defined on every host.
inline int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
inline int32_t WrappingSub(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
}

inline int32_t Clamp(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : (x > high ? high : x);
}

}  // namespace tinyrig::runtime
