#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// RESHAPE: the same bytes under another shape. Free where the plan put output and input at one
/// place, else a copy. Errors: none after prepare.
namespace tinyrig::runtime {

Code PrepareReshape(const OpCheck& check);
void Reshape(const OpContext& context);

}  // namespace tinyrig::runtime
