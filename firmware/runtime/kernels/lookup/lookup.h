#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// LOOKUP: an int8 function of one int8, as a table of 256 values that the compiler computed.
/// Shapes:  input and output of as many elements; LookupParams.
/// Memory:  none; the output may take the input's place.
/// Errors:  none after prepare.
namespace tinyrig::runtime {

Code PrepareLookup(const OpCheck& check);
void Lookup(const OpContext& context);

}  // namespace tinyrig::runtime
