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

#if !(defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP)

/// Four channels of `pixels` pixels that follow each other, each of `depth` values. Up to three
/// values behind the last one are read, and count for nothing. REQUIRES: there are pixels.
template <WeightForm kForm>
inline void ConvPixels(const int8_t* values, uint32_t depth, const Word* weights,
                       const PackedRequant* requant, int8_t* out, uint32_t pixels) {
  for (; pixels > 0; --pixels, values += depth, out += 4) {
    ConvGroups<kForm>(values, values + RoundUp(depth, 4), weights, requant, out, 1);
  }
}

/// The same for one channel of 4 * `fours` pixels; `weights` are its own among those of four
/// channels.
template <WeightForm kForm>
inline void ConvPlane(const int8_t* values, uint32_t depth, const Word* weights,
                      const PackedRequant* requant, int8_t* out, uint32_t fours) {
  for (uint32_t p = 0; p < 4 * fours; ++p, values += depth) {
    int32_t sum = requant->bias;
    const Word* of = weights;
    for (uint32_t d = 0; d < depth; d += 4, of += kDirectWords<kForm>) {
      const uint32_t word = LoadWord(values + d);
      sum = AddFourDepths<kForm>(ExtendEvenBytes(word), ExtendOddBytes(word), of, sum);
    }
    out[p] = OutputOf(sum, *requant);
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
