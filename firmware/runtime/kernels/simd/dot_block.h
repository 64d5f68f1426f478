#pragma once

#include <cstdint>

#include "firmware/runtime/blob_format.h"
#include "firmware/runtime/kernels/simd/simd.h"

/// The inner product that CONV_2D and FULLY_CONNECTED share: two output channels of one or several
/// pixels at once, from patches widened to int16 and weights in a packed form.
namespace tinyrig::runtime {

/// Two depths of a pair of channels: the words (a[d], a[d+1]) and (b[d], b[d+1]).
struct WeightPair {
  uint32_t a;
  uint32_t b;
};

/// How a packed form is read: `Word` bytes for two depths of two channels.
template <WeightForm kForm>
struct PackedReader;

template <>
struct PackedReader<WeightForm::kPackedInt8> {
  static constexpr uint32_t kPairBytes = 4;
  static WeightPair Read(const std::byte* weights) {
    const uint32_t bytes = LoadWord(weights);
    return {ExtendEvenBytes(bytes), ExtendOddBytes(bytes)};
  }
};

template <>
struct PackedReader<WeightForm::kPackedInt16> {
  static constexpr uint32_t kPairBytes = 8;
  static WeightPair Read(const std::byte* weights) {
    return {LoadWord(weights), LoadWord(weights + 4)};
  }
};

/// Sums of kPixels patches with two channels. `weights` is left at the next pair of channels.
template <WeightForm kForm, int kPixels>
inline void DotBlock(const int16_t* patches, uint32_t depth, const std::byte*& weights,
                     int32_t (&a)[kPixels], int32_t (&b)[kPixels]) {
  using Reader = PackedReader<kForm>;
  const int16_t* pixel[kPixels];
  for (int p = 0; p < kPixels; ++p) pixel[p] = patches + p * depth;
  const int16_t* const end = patches + depth;
  const std::byte* next = weights;
  do {
#pragma GCC unroll 2
    for (uint32_t d = 0; d < kDepthStep; d += 2) {
      const WeightPair pair = Reader::Read(next);
      next += Reader::kPairBytes;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const uint32_t x = LoadWord(pixel[p]);
        pixel[p] += 2;
        a[p] = DotPair(x, pair.a, a[p]);
        b[p] = DotPair(x, pair.b, b[p]);
      }
    }
  } while (pixel[0] != end);
  weights = next;
}

}  // namespace tinyrig::runtime
