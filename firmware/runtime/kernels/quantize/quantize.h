#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// QUANTIZE float32 to int8, and DEQUANTIZE int8 to float32, at the borders of a model.
/// Shapes:  input and output of as many elements; no parameters.
/// Units:   real = scale * (q - zero_point), of the int8 tensor. To int8: halves away from zero,
///          saturated; a NaN gives -128. From int8: rounded once.
/// Memory:  none; the output of QUANTIZE may take its input's place.
/// Errors:  none after prepare.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

/// One value, from its four bytes at any alignment.
int8_t QuantizeValue(const void* from, float scale, int32_t zero_point);

Code PrepareQuantize(const OpCheck& check);
void Quantize(const OpContext& context);

Code PrepareDequantize(const OpCheck& check);
void Dequantize(const OpContext& context);

}  // namespace tinyrig::runtime
