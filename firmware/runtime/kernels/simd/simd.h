#pragma once

#include <cstdint>
#include <cstring>

#include "firmware/runtime/blob_format.h"

/// The few SIMD instructions of ARMv7E-M that the dsp kernels are made of, as functions on 32-bit
/// words that hold two int16 or four int8. Cores with them use one instruction each; others the
/// portable definition, which is also what the instructions are tested against. Arithmetic wraps.
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "firmware/runtime/kernels/simd/simd_arm.h"
#else
#include "firmware/runtime/kernels/simd/simd_portable.h"
#endif

namespace tinyrig::runtime {

/// A word in memory, whatever was stored there.
using Word [[gnu::may_alias]] = uint32_t;

/// The word at `from`, at any alignment.
inline uint32_t LoadWord(const void* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

inline void StoreWord(void* to, uint32_t word) { std::memcpy(to, &word, sizeof(word)); }

/// Output value of an accumulator that started at requant.bias; see PackedRequant.
inline int8_t RequantizePacked(int32_t acc, int32_t multiplier, int32_t rounding, int32_t shift) {
  const auto sum = static_cast<uint32_t>(ScaleHigh(acc, multiplier)) +
                   static_cast<uint32_t>(acc >> 31) + static_cast<uint32_t>(rounding);
  return SaturateToInt8(static_cast<int32_t>(sum) >> shift);
}

/// Brings int8 values into [low, high]. Packed kernels saturate to int8 for free; only narrower
/// activations need this.
inline void ClampValues(int8_t* values, size_t count, int32_t low, int32_t high) {
  if (low == INT8_MIN && high == INT8_MAX) return;
  for (size_t i = 0; i < count; ++i) {
    const int32_t value = values[i];
    values[i] = static_cast<int8_t>(value < low ? low : (value > high ? high : value));
  }
}

/// Widens `count` int8 to int16 in the same order; both at any alignment of their elements.
inline void Widen(const int8_t* from, int16_t* to, uint32_t count) {
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    const uint32_t bytes = LoadWord(from);
    const uint32_t even = ExtendEvenBytes(bytes);
    const uint32_t odd = ExtendOddBytes(bytes);
    StoreWord(to, PackBottoms(even, odd));
    StoreWord(to + 2, PackTops(even, odd));
  }
  for (; count > 0; --count) *to++ = *from++;
}

/// Fills `count` int16.
inline void Fill(int16_t* to, int16_t value, uint32_t count) {
  for (; count > 0; --count) *to++ = value;
}

}  // namespace tinyrig::runtime
