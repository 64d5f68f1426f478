#include "firmware/runtime/kernels/fully_connected/fully_connected.h"
#include "firmware/runtime/kernels/requantize.h"

namespace tinyrig::runtime {

Code PrepareFullyConnectedReference(const OpCheck& check) {
  if (!FullyConnectedShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<FullyConnectedParams>();
  const bool sound = uint64_t{params.units} * params.depth <= params.weights_bytes &&
                     check.InData(params.weights_offset, params.weights_bytes) &&
                     check.InData(params.requant_offset, params.units * sizeof(Requant)) &&
                     RequantIsSound(check.InBlob<Requant>(params.requant_offset), params.units);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void FullyConnectedReference(const OpContext& context) {
  const auto& params = context.params<FullyConnectedParams>();
  const auto* requant = context.InBlob<Requant>(params.requant_offset);
  const int32_t input_zero_point = context.input().zero_point;
  const int32_t output_zero_point = context.output().zero_point;
  const int8_t* row = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t r = 0; r < params.rows; ++r, row += params.depth) {
    const auto* weights = context.InBlob<int8_t>(params.weights_offset);
    for (uint32_t unit = 0; unit < params.units; ++unit, weights += params.depth) {
      uint32_t acc = 0;
      for (uint32_t d = 0; d < params.depth; ++d) {
        acc += static_cast<uint32_t>((row[d] - input_zero_point) * weights[d]);
      }
      *result++ = Requantize(static_cast<int32_t>(acc), requant[unit], output_zero_point,
                             params.activation_min, params.activation_max);
    }
  }
}

}  // namespace tinyrig::runtime
