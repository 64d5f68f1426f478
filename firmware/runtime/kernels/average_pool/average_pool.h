#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// AVERAGE_POOL_2D, int8.
/// Shapes:  input [n, in_h, in_w, c], output [n, out_h, out_w, c].
/// Units:   input and output quantised alike; mean of the taps inside the image, halves away from
/// 0. Memory:  none. Errors:  none; the prepare functions refused what would read or write
/// elsewhere. Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareAveragePool(const OpCheck& check);
void AveragePool(const OpContext& context);

}  // namespace tinyrig::runtime
