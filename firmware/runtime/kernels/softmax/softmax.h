#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// SOFTMAX over the last dimension, int8 in and out, output scale 1/256, zero point -128.
/// Shapes:  input and output [rows, depth] in any rank; SoftmaxParams.
/// Units:   fixed point: exponentials Q0.31, their sum Q12.19, reciprocal by three Newton steps.
/// Memory:  none; every exponential is computed twice. The output may take the input's place.
/// Errors:  none after prepare.
/// Source:  TFLite reference definition (gemmlowp fixed point); goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareSoftmax(const OpCheck& check);
void Softmax(const OpContext& context);

}  // namespace tinyrig::runtime
