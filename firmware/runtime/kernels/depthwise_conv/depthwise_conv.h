#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// DEPTHWISE_CONV_2D, int8 in and out, per-channel requantisation.
/// Shapes:  input [n, in_h, in_w, c], output [n, out_h, out_w, c * depth_multiplier].
/// Units:   real = scale * (q - zero_point); int32 accumulator, wrapping.
/// Range:   reference any; dsp depth multiplier 1 and dilation 1.
/// Memory:  reference none; dsp a strip of rows of four channels as int16 in scratch. What it has
///          read it does not read again, so that the output may take the input's place.
/// Errors:  none; the prepare functions refused what would read or write elsewhere.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareDepthwiseConvReference(const OpCheck& check);
void DepthwiseConvReference(const OpContext& context);

/// WeightForm::kPackedInt8 and kPackedInt16, told apart by the operator's form.
Code PrepareDepthwiseConvDsp(const OpCheck& check);
void DepthwiseConvDspInt8(const OpContext& context);
void DepthwiseConvDspInt16(const OpContext& context);

}  // namespace tinyrig::runtime
