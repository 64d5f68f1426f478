#pragma once

#include "firmware/runtime/fusion/place.h"
#include "firmware/runtime/kernels/kernel.h"

/// One output pixel of an operator, all channels: the reference form, with the arithmetic of the
/// operators' own kernels.
namespace tinyrig::runtime {

/// Kernel::pixel of the plain forms.
void ConvPixel(const OpContext& layer, const PixelWindow& window, int8_t* out);
void DepthwisePixel(const OpContext& layer, const PixelWindow& window, int8_t* out);
void AveragePixel(const OpContext& layer, const PixelWindow& window, int8_t* out);
void MaxPixel(const OpContext& layer, const PixelWindow& window, int8_t* out);

/// Kernel::sum of ADD.
void AddToPixel(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel);

/// What a pixel of a layer takes; borders count as if they were there.
uint64_t PixelMacs(const OpContext& layer);

}  // namespace tinyrig::runtime
