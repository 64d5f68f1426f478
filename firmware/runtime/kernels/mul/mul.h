#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// MUL of two int8 tensors, either of which may repeat or be a constant; MulParams.
/// Units:   real = scale * (q - zero_point); the product requantised.
/// Memory:  none; the output may take the place of an input of its own shape.
/// Errors:  none after prepare.
/// Source:  TFLite int8 quantisation spec; random nets in tests/random_nets.
namespace tinyrig::runtime {

Code PrepareMul(const OpCheck& check);
void Mul(const OpContext& context);

}  // namespace tinyrig::runtime
