#include "firmware/runtime/kernels/fully_connected/fully_connected.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/dot_block.h"

namespace tinyrig::runtime {
namespace {

template <WeightForm kForm>
void FullyConnected(const OpContext& context) {
  const auto& params = context.params<FullyConnectedParams>();
  const auto depth = static_cast<uint32_t>(RoundUp(params.depth, kDepthStep));
  int16_t* patch = context.scratch();
  const int8_t* row = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t r = 0; r < params.rows; ++r, row += params.depth) {
    const auto* weights = context.InBlob<Word>(params.weights_offset);
    const auto* requant = context.InBlob<PackedRequant>(params.requant_offset);
    Widen(row, patch, params.depth);
    for (uint32_t unit = 0; unit < params.units; unit += 2, requant += 2) {
      int32_t a[1] = {requant[0].bias};
      int32_t b[1] = {requant[1].bias};
      weights = DotBlock<kForm, 1>(patch, depth, weights, a, b);
      *result++ =
          RequantizePacked(a[0], requant[0].multiplier, requant[0].rounding, requant[0].shift);
      if (unit + 1 == params.units) break;
      *result++ =
          RequantizePacked(b[0], requant[1].multiplier, requant[1].rounding, requant[1].shift);
    }
  }
  ClampValues(context.output_data(), static_cast<size_t>(ElementCount(context.output())),
              params.activation_min, params.activation_max);
}

}  // namespace

Code PrepareFullyConnectedDsp(const OpCheck& check) {
  if (!FullyConnectedShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<FullyConnectedParams>();
  const uint64_t depth = RoundUp(params.depth, kDepthStep);
  const uint64_t units = RoundUp(params.units, kConvChannels);
  const uint64_t width = check.op->form == WeightForm::kPackedInt16 ? 2 : 1;
  const bool sound = ConvScratchBytes(params.depth, 1) <= check.op->scratch_bytes &&
                     units * depth * width <= params.weights_bytes &&
                     check.InData(params.weights_offset, params.weights_bytes) &&
                     check.InData(params.requant_offset, units * sizeof(PackedRequant)) &&
                     RequantIsSound(check.InBlob<PackedRequant>(params.requant_offset), units);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void FullyConnectedDspInt8(const OpContext& context) {
  FullyConnected<WeightForm::kPackedInt8>(context);
}
void FullyConnectedDspInt16(const OpContext& context) {
  FullyConnected<WeightForm::kPackedInt16>(context);
}

}  // namespace tinyrig::runtime
