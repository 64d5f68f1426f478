#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// COPY: what CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE and PAD are made of.
/// Shapes:  any; CopyParams. Elements of any type, input and output alike; the bytes do not change.
/// Memory:  none. The output lies elsewhere.
/// Errors:  none after prepare.
namespace tinyrig::runtime {

Code PrepareCopy(const OpCheck& check);
void Copy(const OpContext& context);

}  // namespace tinyrig::runtime
