#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// MAX_POOL_2D, int8.
/// Shapes:  input [n, in_h, in_w, c], output [n, out_h, out_w, c].
/// Units:   input and output quantised alike; greatest of the taps inside the image.
/// Memory:  none.
/// Errors:  none; the prepare functions refused what would read or write elsewhere.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareMaxPool(const OpCheck& check);
void MaxPool(const OpContext& context);

}  // namespace tinyrig::runtime
