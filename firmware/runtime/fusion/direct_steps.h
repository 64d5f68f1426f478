#pragma once

#include "firmware/runtime/kernels/simd/simd.h"

/// The inner loops of the direct kernels: four channels at a time.
namespace tinyrig::runtime {

static_assert(kDirectChannels == 4 && kDepthStep == 4);

inline int8_t OutputOf(int32_t sum, const PackedRequant& requant) {
  return RequantizePacked(sum, requant.multiplier, requant.rounding, requant.shift);
}

/// The sums of four channels where they start.
struct FourSums {
  int32_t of[4];
  explicit FourSums(const PackedRequant* requant)
      : of{requant[0].bias, requant[1].bias, requant[2].bias, requant[3].bias} {}

  /// As outputs, of which the first `count`, at most 4, are wanted.
  void Store(const PackedRequant* requant, uint32_t count, int8_t* out) const {
    for (uint32_t c = 0; c < 4 && c < count; ++c) out[c] = OutputOf(of[c], requant[c]);
  }
};

/// Adds four depths of four channels. Gives the weights after those it has used, as all do here.
template <WeightForm kForm>
inline const Word* AddDepths(uint32_t values, const Word* weights, FourSums& sums) {
  const uint32_t even = ExtendEvenBytes(values);
  const uint32_t odd = ExtendOddBytes(values);
#pragma GCC unroll 4
  for (uint32_t c = 0; c < 4; ++c) {
    int32_t& sum = sums.of[c];
    if constexpr (kForm == WeightForm::kDirectInt16) {
      sum = DotPair(odd, weights[2 * c + 1], DotPair(even, weights[2 * c], sum));
    } else {
      const uint32_t word = weights[c];
      sum = DotPair(odd, ExtendOddBytes(word), DotPair(even, ExtendEvenBytes(word), sum));
    }
  }
  return weights + (kForm == WeightForm::kDirectInt16 ? 8 : 4);
}

/// Adds two taps of four channels.
template <WeightForm kForm>
inline const Word* AddTaps(uint32_t first, uint32_t second, const Word* weights, FourSums& sums) {
  const uint32_t even_first = ExtendEvenBytes(first);
  const uint32_t even_second = ExtendEvenBytes(second);
  const uint32_t odd_first = ExtendOddBytes(first);
  const uint32_t odd_second = ExtendOddBytes(second);
  const uint32_t a = PackBottoms(even_first, even_second);
  const uint32_t b = PackBottoms(odd_first, odd_second);
  const uint32_t c = PackTops(even_first, even_second);
  const uint32_t d = PackTops(odd_first, odd_second);
  auto& of = sums.of;
  if constexpr (kForm == WeightForm::kDirectInt16) {
    of[0] = DotPair(a, weights[0], of[0]);
    of[1] = DotPair(b, weights[1], of[1]);
    of[2] = DotPair(c, weights[2], of[2]);
    of[3] = DotPair(d, weights[3], of[3]);
    return weights + 4;
  } else {
    const uint32_t ab = weights[0];
    const uint32_t cd = weights[1];
    of[0] = DotPair(a, ExtendEvenBytes(ab), of[0]);
    of[1] = DotPair(b, ExtendOddBytes(ab), of[1]);
    of[2] = DotPair(c, ExtendEvenBytes(cd), of[2]);
    of[3] = DotPair(d, ExtendOddBytes(cd), of[3]);
    return weights + 2;
  }
}

#if !(defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP)

/// 4 * `groups` outputs of a convolution from the values up to `end`. REQUIRES: these are a
/// positive multiple of four, and there are groups.
template <WeightForm kForm>
inline const Word* ConvGroups(const int8_t* values, const int8_t* end, const Word* weights,
                              const PackedRequant* requant, int8_t* out, uint32_t groups) {
  for (; groups > 0; --groups, requant += 4, out += 4) {
    FourSums sums(requant);
    for (const int8_t* at = values; at != end; at += 4) {
      weights = AddDepths<kForm>(LoadWord(at), weights, sums);
    }
    sums.Store(requant, 4, out);
  }
  return weights;
}

/// 4 * `groups` outputs of a depthwise convolution, from the first channel on. A null pointer
/// follows the taps. REQUIRES: a positive even number of taps, and there are groups.
template <WeightForm kForm>
inline const Word* DepthwiseGroups(const int8_t* const* taps, const Word* weights,
                                   const PackedRequant* requant, int8_t* out, uint32_t groups) {
  for (uint32_t channel = 0; channel < 4 * groups; channel += 4, requant += 4) {
    FourSums sums(requant);
    for (const int8_t* const* tap = taps; *tap != nullptr; tap += 2) {
      weights =
          AddTaps<kForm>(LoadWord(tap[0] + channel), LoadWord(tap[1] + channel), weights, sums);
    }
    sums.Store(requant, 4, out + channel);
  }
  return weights;
}

#endif

}  // namespace tinyrig::runtime

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "firmware/runtime/fusion/direct_steps_arm.h"
#endif
