#include <fmt/format.h>

#include "firmware/compiler/lowering/op_lowering.h"
#include "firmware/compiler/lowering/packing.h"

namespace tinyrig::compiler {
namespace {

using runtime::FullyConnectedParams;

/// TFLite multiplies the two scales in float when the weights have one scale, and in double when
/// one a unit.
Result<std::vector<ChannelScale>> MakeUnits(const LoweringInput& input, const Tensor& in,
                                            const Tensor& weights, const Tensor& out,
                                            uint32_t count) {
  const auto& scales = weights.quantization.scale;
  TRY_ASSIGN(const std::vector<int32_t> bias, ReadBias(input, 2, count));
  std::vector<ChannelScale> units(count);
  for (uint32_t unit = 0; unit < count; ++unit) {
    const double product =
        scales.size() == 1 ? static_cast<double>(ScaleOf(in) * scales[0])
                           : static_cast<double>(ScaleOf(in)) * static_cast<double>(scales[unit]);
    TRY_ASSIGN(units[unit].multiplier,
               QuantizeMultiplier(product / static_cast<double>(ScaleOf(out))));
    units[unit].bias = bias[unit];
  }
  return units;
}

}  // namespace

Result<LoweredOp> LowerFullyConnected(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartOp(input, runtime::OpKind::kFullyConnected, 1));
  TRY_ASSIGN(std::vector<int8_t> weights, ReadWeights(input, 1, 0));
  TRY(CheckRank(input.graph, input.op.inputs[1], 2));
  const Tensor& in = input.graph.tensor(input.op.inputs[0]);
  const Tensor& matrix = input.graph.tensor(input.op.inputs[1]);
  const Tensor& out = input.graph.tensor(input.op.outputs[0]);
  const uint32_t units = matrix.shape[0];
  const uint32_t depth = matrix.shape[1];
  const auto rows = static_cast<uint32_t>(in.ElementCount() / depth);
  if (in.ElementCount() % depth != 0 || out.ElementCount() != uint64_t{rows} * units) {
    return Status(Code::kInvalidArgument,
                  fmt::format("has {} inputs, weights [{}, {}] and {} outputs; convert the model "
                              "again",
                              in.ElementCount(), units, depth, out.ElementCount()));
  }
  TRY_ASSIGN(auto scales, MakeUnits(input, in, matrix, out, units));
  MakeFactorsPositive(scales, weights, WeightOrder::kChannelFirst);
  const auto& options = std::get<FullyConnectedOptions>(input.op.options);
  TRY_ASSIGN(const ActivationRange range,
             QuantizeActivation(options.activation, ScaleOf(out), ZeroPointOf(out)));

  std::vector<std::byte> packed = ToBytes(weights);
  std::vector<std::byte> table = ToBytes(MakeRequant(scales));
  if (input.variant.kernels == runtime::KernelSetId::kDsp) {
    const auto exact = MakePackedRequant(scales, weights, ZeroPointOf(in), ZeroPointOf(out),
                                         runtime::kConvChannels);
    if (exact) {
      op.form = input.variant.weights;
      op.scratch_bytes = runtime::ConvScratchBytes(depth, 1);
      packed = PackConvWeights(weights, units, op.form);
      table = ToBytes(*exact);
    } else {
      op.note = "plain kernel: the scale is outside what the packed form computes exactly";
    }
  }
  op.macs = uint64_t{rows} * depth * units;
  op.params = ToBytes(FullyConnectedParams{.rows = rows,
                                           .depth = depth,
                                           .units = units,
                                           .activation_min = range.min,
                                           .activation_max = range.max,
                                           .reserved = 0,
                                           .weights_offset = 0,
                                           .weights_bytes = static_cast<uint32_t>(packed.size()),
                                           .requant_offset = 0});
  op.constants.push_back({std::move(table), offsetof(FullyConnectedParams, requant_offset), false});
  op.constants.push_back({std::move(packed), offsetof(FullyConnectedParams, weights_offset), true});
  return op;
}

}  // namespace tinyrig::compiler
