#pragma once

#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/simd.h"
#include "firmware/runtime/kernels/window.h"

/// What the direct kernels share: four values at a time, never a byte more than there is.
namespace tinyrig::runtime {

/// The word at `from` of which only `count` bytes (1 to 4) are there; the others are 0.
inline uint32_t LoadBytes(const int8_t* from, uint32_t count) {
  if (count >= 4) return LoadWord(from);
  uint32_t word = static_cast<uint8_t>(from[0]);
  if (count > 1) word |= static_cast<uint32_t>(static_cast<uint8_t>(from[1])) << 8;
  if (count > 2) word |= static_cast<uint32_t>(static_cast<uint8_t>(from[2])) << 16;
  return word;
}

/// Bytes of a value in a direct form.
constexpr uint64_t DirectWidth(WeightForm form) { return form == WeightForm::kDirectInt16 ? 2 : 1; }

/// What all direct kernels ask for; `bytes` is what they read at weights_offset.
inline bool DirectIsSound(const OpCheck& check, uint64_t bytes) {
  const auto& params = check.params<ConvParams>();
  const uint64_t channels = RoundUp(check.output().dims[3], kDirectChannels);
  return (check.op->flags & kOpIsFused) != 0 && params.depth_multiplier == 1 &&
         params.dilation_h == 1 && params.dilation_w == 1 && bytes <= params.weights_bytes &&
         check.InData(params.weights_offset, params.weights_bytes) &&
         check.InData(params.requant_offset, channels * sizeof(PackedRequant)) &&
         RequantIsSound(check.InBlob<PackedRequant>(params.requant_offset), channels);
}

}  // namespace tinyrig::runtime
