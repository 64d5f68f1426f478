#pragma once

#include "firmware/runtime/fusion/place.h"
#include "firmware/runtime/kernels/kernel.h"

/// One output pixel of an operator, all channels: the reference form, with the arithmetic of the
/// operators' own kernels.
namespace tinyrig::runtime {

/// CONV_2D, DEPTHWISE_CONV_2D or a pool. `out` is no part of the window's map.
void MakePixel(const OpContext& layer, const PixelWindow& window, int8_t* out);

/// ADD of the pixel at `pixel` and the one that has waited, input `operand` of the operator; the
/// sum takes the first one's place.
void AddToPixel(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel);

/// What MakePixel() multiplies inside a layer; borders count as if they were there.
uint64_t PixelMacs(const OpContext& layer);

}  // namespace tinyrig::runtime
