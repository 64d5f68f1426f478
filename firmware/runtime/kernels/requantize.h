#pragma once

#include "firmware/runtime/blob_format.h"
#include "firmware/runtime/fixed_point.h"

/// Plain sums, and the way from int32 accumulators to int8 outputs. The packed form is in simd.h.
namespace tinyrig::runtime {

/// clamp(zero_point + scaled(acc + bias)). REQUIRES: RequantIsSound(). Wraps instead of
/// overflowing.
inline int8_t Requantize(int32_t acc, const Requant& requant, int32_t zero_point, int32_t low,
                         int32_t high) {
  const int32_t scaled = MultiplyByQuantizedMultiplier(WrappingAdd(acc, requant.bias),
                                                       requant.multiplier, requant.shift);
  return static_cast<int8_t>(Clamp(WrappingAdd(scaled, zero_point), low, high));
}

/// Sum of `count` input values, zero point removed, times weights.
inline uint32_t Dot(const int8_t* values, const int8_t* weights, uint32_t count,
                    int32_t zero_point) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) {
    sum += static_cast<uint32_t>((values[i] - zero_point) * weights[i]);
  }
  return sum;
}

/// Whether every shift is in the range that the arithmetic is defined for.
inline bool RequantIsSound(const Requant* requant, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    if (requant[i].shift < -31 || requant[i].shift > 30) return false;
  }
  return true;
}
inline bool RequantIsSound(const PackedRequant* requant, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    if (requant[i].shift < 0 || requant[i].shift > 31) return false;
  }
  return true;
}

}  // namespace tinyrig::runtime
