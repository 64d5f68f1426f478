#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// FULLY_CONNECTED, int8 in and out, int8 or int16 weights, requantisation per unit.
/// Shapes:  input [rows, depth] in any rank, output [rows, units]; FullyConnectedParams.
/// Units:   real = scale * (q - zero_point); int32 accumulator, wrapping.
/// Memory:  reference none; dsp one row as int16 in scratch.
/// Errors:  none; the prepare functions refused what would read or write elsewhere.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

Code PrepareFullyConnectedReference(const OpCheck& check);
void FullyConnectedReference(const OpContext& context);

/// WeightForm::kPackedInt8 and kPackedInt16, told apart by the operator's form.
Code PrepareFullyConnectedDsp(const OpCheck& check);
void FullyConnectedDspInt8(const OpContext& context);
void FullyConnectedDspInt16(const OpContext& context);

/// Whether rows, depth, units, types and activation fit together; for both sets.
bool FullyConnectedShapesAreSound(const OpCheck& check);

}  // namespace tinyrig::runtime
