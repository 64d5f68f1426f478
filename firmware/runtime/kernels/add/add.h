#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// ADD and SUB of two int8 tensors, either of which may repeat or be a constant; AddParams.
/// Units:   both inputs at twice the larger of their scales, with 20 more bits; then requantised.
/// Memory:  none; the output may take the place of an input of its own shape.
/// Errors:  none after prepare.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

/// Room for fractions while the inputs are brought to one scale.
inline constexpr int32_t kAddLeftShift = 20;

Code PrepareAdd(const OpCheck& check);
void Add(const OpContext& context);
void Sub(const OpContext& context);
void AddDsp(const OpContext& context);

}  // namespace tinyrig::runtime
