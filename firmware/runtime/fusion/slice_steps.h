#pragma once

#include "firmware/runtime/fusion/direct_steps.h"

/// The inner loops of slices. kForm is the direct form of the first layer; the last one's weights
/// are as wide.
namespace tinyrig::runtime {

/// Words of four depths of four channels in the direct forms, of one channel in the sliced ones.
template <WeightForm kForm>
inline constexpr uint32_t kDirectWords = kForm == WeightForm::kDirectInt16 ? 8 : 4;
template <WeightForm kForm>
inline constexpr uint32_t kSlicedWords = kForm == WeightForm::kDirectInt16 ? 2 : 1;

/// Adds four depths to one channel's sum; `weights` are its own among those of four channels, or
/// in the sliced form.
template <WeightForm kForm>
inline int32_t AddFourDepths(uint32_t even, uint32_t odd, const Word* weights, int32_t sum) {
  if constexpr (kForm == WeightForm::kDirectInt16) {
    return DotPair(odd, weights[1], DotPair(even, weights[0], sum));
  } else {
    return DotPair(odd, ExtendOddBytes(*weights), DotPair(even, ExtendEvenBytes(*weights), sum));
  }
}

/// One channel of four pixels that lie `depth` values apart. REQUIRES: depth is a positive multiple
/// of four.
template <WeightForm kForm>
inline void AddFourPixels(const int8_t* values, uint32_t depth, const Word* weights,
                          int32_t (&sums)[4]) {
  const int8_t* const end = values + depth;
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  do {
    const uint32_t a = LoadWord(values), b = LoadWord(values + depth);
    s0 = AddFourDepths<kForm>(ExtendEvenBytes(a), ExtendOddBytes(a), weights, s0);
    s1 = AddFourDepths<kForm>(ExtendEvenBytes(b), ExtendOddBytes(b), weights, s1);
    const uint32_t c = LoadWord(values + 2 * depth), d = LoadWord(values + 3 * depth);
    s2 = AddFourDepths<kForm>(ExtendEvenBytes(c), ExtendOddBytes(c), weights, s2);
    s3 = AddFourDepths<kForm>(ExtendEvenBytes(d), ExtendOddBytes(d), weights, s3);
    weights += kDirectWords<kForm>;
    values += 4;
  } while (values != end);
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

#if !(defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP)

/// Four channels of `pixels` pixels that follow each other, each of `depth` values. REQUIRES: depth
/// is a positive multiple of four, and there are pixels.
template <WeightForm kForm>
inline void ConvPixels(const int8_t* values, uint32_t depth, const Word* weights,
                       const PackedRequant* requant, int8_t* out, uint32_t pixels) {
  for (; pixels > 0; --pixels, values += depth, out += 4) {
    ConvGroups<kForm>(values, values + depth, weights, requant, out, 1);
  }
}

/// Adds to the sums of `channels` outputs, for each of `pixels` pixels, what four values of it
/// give. REQUIRES: channels is a positive multiple of four, and there are pixels.
template <WeightForm kForm>
inline void AddProjections(const int8_t* values, int32_t* sums, const Word* weights,
                           uint32_t channels, uint32_t pixels) {
  for (; pixels > 0; --pixels, values += 4, sums += channels) {
    const uint32_t word = LoadWord(values);
    const uint32_t even = ExtendEvenBytes(word);
    const uint32_t odd = ExtendOddBytes(word);
    for (uint32_t c = 0; c < channels; ++c) {
      sums[c] = AddFourDepths<kForm>(even, odd, weights + c * kSlicedWords<kForm>, sums[c]);
    }
  }
}

#endif

}  // namespace tinyrig::runtime

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "firmware/runtime/fusion/slice_steps_arm.h"
#endif
