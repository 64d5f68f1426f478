#pragma once

#include <cstdint>

/// What the instructions of simd_arm.h compute, in plain C++. A word holds int16 `bottom` (bits
/// 0-15) and `top`.
namespace tinyrig::runtime {

namespace portable {
constexpr int32_t Bottom(uint32_t word) { return static_cast<int16_t>(word & 0xFFFF); }
constexpr int32_t Top(uint32_t word) { return static_cast<int16_t>(word >> 16); }
constexpr uint32_t Join(int32_t bottom, int32_t top) {
  return (static_cast<uint32_t>(bottom) & 0xFFFF) | (static_cast<uint32_t>(top) << 16);
}
constexpr int32_t Add(int32_t acc, int32_t a, int32_t b) {
  // The product of two int16 fits, but the sum of two products may not.
  return static_cast<int32_t>(static_cast<uint32_t>(acc) + static_cast<uint32_t>(a * b));
}
constexpr int32_t Byte(uint32_t word, int index) {
  return static_cast<int8_t>((word >> (8 * index)) & 0xFF);
}
}  // namespace portable

/// acc + x.bottom * y.bottom + x.top * y.top.
inline int32_t DotPair(uint32_t x, uint32_t y, int32_t acc) {
  using namespace portable;
  return Add(Add(acc, Bottom(x), Bottom(y)), Top(x), Top(y));
}

/// acc + one half of x times one half of y.
inline int32_t BottomTimesBottom(uint32_t x, uint32_t y, int32_t acc) {
  return portable::Add(acc, portable::Bottom(x), portable::Bottom(y));
}
inline int32_t BottomTimesTop(uint32_t x, uint32_t y, int32_t acc) {
  return portable::Add(acc, portable::Bottom(x), portable::Top(y));
}
inline int32_t TopTimesBottom(uint32_t x, uint32_t y, int32_t acc) {
  return portable::Add(acc, portable::Top(x), portable::Bottom(y));
}

/// Bytes 0 and 2, or 1 and 3, sign-extended to int16.
inline uint32_t ExtendEvenBytes(uint32_t bytes) {
  return portable::Join(portable::Byte(bytes, 0), portable::Byte(bytes, 2));
}
inline uint32_t ExtendOddBytes(uint32_t bytes) {
  return portable::Join(portable::Byte(bytes, 1), portable::Byte(bytes, 3));
}

/// (a.bottom, b.bottom) and (a.top, b.top) as (bottom, top).
inline uint32_t PackBottoms(uint32_t a, uint32_t b) { return (a & 0xFFFF) | (b << 16); }
inline uint32_t PackTops(uint32_t a, uint32_t b) { return (a >> 16) | (b & 0xFFFF0000u); }

/// round(x * (2^32 + multiplier) / 2^32), halves up.
inline int32_t ScaleHigh(int32_t x, int32_t multiplier) {
  const auto product = static_cast<uint64_t>(int64_t{x} * multiplier);
  const uint64_t sum = (static_cast<uint64_t>(int64_t{x}) << 32) + product + 0x80000000u;
  return static_cast<int32_t>(sum >> 32);
}

inline int8_t SaturateToInt8(int32_t x) {
  return static_cast<int8_t>(x < INT8_MIN ? INT8_MIN : (x > INT8_MAX ? INT8_MAX : x));
}

}  // namespace tinyrig::runtime
