#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// RESIZE_NEAREST_NEIGHBOR, int8; which input pixel an output pixel takes was decided by the
/// compiler.
/// Shapes:  input [n, in_h, in_w, c], output [n, out_h, out_w, c]; ResizeNearestParams.
/// Memory:  none. The output lies elsewhere.
/// Errors:  none after prepare.
namespace tinyrig::runtime {

Code PrepareResizeNearest(const OpCheck& check);
void ResizeNearest(const OpContext& context);

}  // namespace tinyrig::runtime
