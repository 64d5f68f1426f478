#pragma once

#include "firmware/runtime/fusion/place.h"
#include "firmware/runtime/kernels/kernel.h"

/// CONV_2D and DEPTHWISE_CONV_2D of a fused phase in the direct forms: one output pixel, four
/// channels at a time, from the bytes where they lie. The bytes are those of the plain form.
/// Memory:  none but stack: a patch of kMaxDirectDepth bytes, or addresses of kMaxDirectTaps taps.
/// Errors:  none after prepare, which refuses operators outside of fused phases.
namespace tinyrig::runtime {

Code PrepareDirectConv(const OpCheck& check);
void DirectConvPixelInt8(const OpContext& layer, const PixelWindow& window, int8_t* out);
void DirectConvPixelInt16(const OpContext& layer, const PixelWindow& window, int8_t* out);

Code PrepareDirectDepthwise(const OpCheck& check);
void DirectDepthwisePixelInt8(const OpContext& layer, const PixelWindow& window, int8_t* out);
void DirectDepthwisePixelInt16(const OpContext& layer, const PixelWindow& window, int8_t* out);

}  // namespace tinyrig::runtime
