#pragma once

#include "firmware/runtime/kernels/simd/simd.h"

/// The inner loops of the direct kernels: sums of four channels. Each gives the weights after those
/// it has used.
namespace tinyrig::runtime {

/// Adds four depths of four channels.
template <WeightForm kForm>
inline const Word* AddDepths(uint32_t values, const Word* weights, int32_t (&sums)[4]) {
  const uint32_t even = ExtendEvenBytes(values);
  const uint32_t odd = ExtendOddBytes(values);
#pragma GCC unroll 4
  for (uint32_t c = 0; c < 4; ++c) {
    if constexpr (kForm == WeightForm::kDirectInt16) {
      sums[c] = DotPair(odd, weights[2 * c + 1], DotPair(even, weights[2 * c], sums[c]));
    } else {
      const uint32_t word = weights[c];
      sums[c] = DotPair(odd, ExtendOddBytes(word), DotPair(even, ExtendEvenBytes(word), sums[c]));
    }
  }
  return weights + (kForm == WeightForm::kDirectInt16 ? 8 : 4);
}

/// Adds the depths from `values` to `end`. REQUIRES: they are a positive multiple of four.
template <WeightForm kForm>
inline const Word* AddRun(const int8_t* values, const int8_t* end, const Word* weights,
                          int32_t (&sums)[4]) {
  do {
    weights = AddDepths<kForm>(LoadWord(values), weights, sums);
    values += 4;
  } while (values != end);
  return weights;
}

/// Adds two taps of four channels.
template <WeightForm kForm>
inline const Word* AddTaps(uint32_t first, uint32_t second, const Word* weights,
                           int32_t (&sums)[4]) {
  const uint32_t even_first = ExtendEvenBytes(first);
  const uint32_t even_second = ExtendEvenBytes(second);
  const uint32_t odd_first = ExtendOddBytes(first);
  const uint32_t odd_second = ExtendOddBytes(second);
  const uint32_t a = PackBottoms(even_first, even_second);
  const uint32_t b = PackBottoms(odd_first, odd_second);
  const uint32_t c = PackTops(even_first, even_second);
  const uint32_t d = PackTops(odd_first, odd_second);
  if constexpr (kForm == WeightForm::kDirectInt16) {
    sums[0] = DotPair(a, weights[0], sums[0]);
    sums[1] = DotPair(b, weights[1], sums[1]);
    sums[2] = DotPair(c, weights[2], sums[2]);
    sums[3] = DotPair(d, weights[3], sums[3]);
    return weights + 4;
  } else {
    const uint32_t ab = weights[0];
    const uint32_t cd = weights[1];
    sums[0] = DotPair(a, ExtendEvenBytes(ab), sums[0]);
    sums[1] = DotPair(b, ExtendOddBytes(ab), sums[1]);
    sums[2] = DotPair(c, ExtendEvenBytes(cd), sums[2]);
    sums[3] = DotPair(d, ExtendOddBytes(cd), sums[3]);
    return weights + 2;
  }
}

/// Adds four channels, from number `channel` on, of all taps; a null pointer follows the last one.
/// REQUIRES: a positive even number of taps.
template <WeightForm kForm>
inline const Word* AddWindow(const int8_t* const* taps, uint32_t channel, const Word* weights,
                             int32_t (&sums)[4]) {
  do {
    weights =
        AddTaps<kForm>(LoadWord(taps[0] + channel), LoadWord(taps[1] + channel), weights, sums);
    taps += 2;
  } while (*taps != nullptr);
  return weights;
}

}  // namespace tinyrig::runtime

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "firmware/runtime/fusion/direct_steps_arm.h"
#endif
