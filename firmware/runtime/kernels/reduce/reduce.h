#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// MEAN and SUM, int8, over any dimensions.
/// Shapes:  any; ReduceParams.
/// Units:   the sum of input values without their zero points, requantised; a mean's division is in
///          the multiplier.
/// Memory:  none. The output lies elsewhere.
/// Errors:  none after prepare; sums wrap.
/// Source:  TFLite int8 quantisation spec; random nets in tests/random_nets.
namespace tinyrig::runtime {

Code PrepareReduce(const OpCheck& check);
void Reduce(const OpContext& context);

}  // namespace tinyrig::runtime
