#pragma once

#include <arm_acle.h>

#include <cstdint>

/// simd_portable.h in one instruction each (two of them have no ACLE name, so they are written
/// out).
namespace tinyrig::runtime {

inline int32_t DotPair(uint32_t x, uint32_t y, int32_t acc) {
  return __smlad(static_cast<int16x2_t>(x), static_cast<int16x2_t>(y), acc);
}

inline int32_t BottomTimesBottom(uint32_t x, uint32_t y, int32_t acc) {
  return __smlabb(static_cast<int32_t>(x), static_cast<int32_t>(y), acc);
}
inline int32_t BottomTimesTop(uint32_t x, uint32_t y, int32_t acc) {
  return __smlabt(static_cast<int32_t>(x), static_cast<int32_t>(y), acc);
}
inline int32_t TopTimesBottom(uint32_t x, uint32_t y, int32_t acc) {
  return __smlatb(static_cast<int32_t>(x), static_cast<int32_t>(y), acc);
}

inline uint32_t ExtendEvenBytes(uint32_t bytes) {
  return static_cast<uint32_t>(__sxtb16(static_cast<int8x4_t>(bytes)));
}
inline uint32_t ExtendOddBytes(uint32_t bytes) {
  uint32_t result;
  asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(bytes));
  return result;
}

inline uint32_t PackBottoms(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline uint32_t PackTops(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
  return result;
}

inline int32_t ScaleHigh(int32_t x, int32_t multiplier) {
  int32_t result;
  asm("smmlar %0, %1, %2, %1" : "=r"(result) : "r"(x), "r"(multiplier));
  return result;
}

inline int8_t SaturateToInt8(int32_t x) { return static_cast<int8_t>(__ssat(x, 8)); }

}  // namespace tinyrig::runtime
