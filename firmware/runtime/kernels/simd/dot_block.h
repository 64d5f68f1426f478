#pragma once

#include <cstdint>

#include "firmware/runtime/blob_format.h"
#include "firmware/runtime/kernels/simd/simd.h"

/// The inner product that CONV_2D and FULLY_CONNECTED share: two output channels of kPixels pixels
/// at once, from patches widened to int16 and weights in a packed form.
namespace tinyrig::runtime {

/// Writes the patch of one pixel among kPixels: two depths of pixel 0, of pixel 1, ... then the
/// next two depths, so that the inner loop reads one stream. REQUIRES: the block's depth is even.
template <int kPixels>
class PatchWriter {
 public:
  PatchWriter(int16_t* block, uint32_t pixel) : to_(block + 2 * pixel) {}

  void Widen(const int8_t* from, uint32_t count) {
    if (is_odd_ && count > 0) {
      Put(*from++);
      --count;
    }
    for (; count >= 4; count -= 4, from += 4, to_ += 4 * kPixels) {
      const uint32_t bytes = LoadWord(from);
      const uint32_t even = ExtendEvenBytes(bytes);
      const uint32_t odd = ExtendOddBytes(bytes);
      StoreWord(to_, PackBottoms(even, odd));
      StoreWord(to_ + 2 * kPixels, PackTops(even, odd));
    }
    for (; count > 0; --count) Put(*from++);
  }

  void Fill(int16_t value, uint32_t count) {
    for (; count > 0; --count) Put(value);
  }

 private:
  void Put(int16_t value) {
    *to_ = value;
    to_ += is_odd_ ? 2 * kPixels - 1 : 1;
    is_odd_ = !is_odd_;
  }

  int16_t* to_;
  bool is_odd_ = false;
};

/// Two depths of a pair of channels: the words (a[d], a[d+1]) and (b[d], b[d+1]).
struct WeightPair {
  uint32_t a;
  uint32_t b;
};

/// How a packed form is read.
template <WeightForm kForm>
struct PackedReader;

template <>
struct PackedReader<WeightForm::kPackedInt8> {
  static constexpr uint32_t kPairWords = 1;
  static WeightPair Read(const Word* weights) {
    return {ExtendEvenBytes(*weights), ExtendOddBytes(*weights)};
  }
};

template <>
struct PackedReader<WeightForm::kPackedInt16> {
  static constexpr uint32_t kPairWords = 2;
  static WeightPair Read(const Word* weights) { return {weights[0], weights[1]}; }
};

/// Adds kPixels patches times two channels. Returns the weights of the next two channels.
/// REQUIRES: depth is a positive multiple of kDepthStep.
template <WeightForm kForm, int kPixels>
inline const Word* DotBlock(const int16_t* block, uint32_t depth, const Word* weights,
                            int32_t (&a)[kPixels], int32_t (&b)[kPixels]) {
  using Reader = PackedReader<kForm>;
  const Word* values = reinterpret_cast<const Word*>(block);
  const Word* const end = values + depth / 2 * kPixels;
  do {
#pragma GCC unroll 2
    for (uint32_t d = 0; d < kDepthStep / 2; ++d) {
      const WeightPair pair = Reader::Read(weights);
      weights += Reader::kPairWords;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const uint32_t x = *values++;
        a[p] = DotPair(x, pair.a, a[p]);
        b[p] = DotPair(x, pair.b, b[p]);
      }
    }
  } while (values != end);
  return weights;
}

}  // namespace tinyrig::runtime

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "firmware/runtime/kernels/simd/dot_block_arm.h"
#endif
