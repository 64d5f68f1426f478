#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// CONV_2D, int8 in and out, int8 or int16 weights, per-channel requantisation.
/// Shapes:  input [n, in_h, in_w, in_c], output [n, out_h, out_w, out_c]; the rest: ConvParams.
/// Units:   real = scale * (q - zero_point); int32 accumulator, wrapping.
/// Range:   any kernel, stride, dilation and padding whose windows reach the input.
/// Memory:  reference none; dsp kConvPixels patches as int16 in scratch, never the whole im2col.
/// Errors:  none; the prepare functions refused what would read or write elsewhere.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareConvReference(const OpCheck& check);
void ConvReference(const OpContext& context);

/// WeightForm::kPackedInt8 and kPackedInt16, told apart by the operator's form.
Code PrepareConvDsp(const OpCheck& check);
void ConvDspInt8(const OpContext& context);
void ConvDspInt16(const OpContext& context);

}  // namespace tinyrig::runtime
