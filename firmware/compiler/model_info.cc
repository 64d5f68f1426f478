#include "firmware/compiler/model_info.h"

#include "firmware/compiler/compile.h"
#include "firmware/compiler/lowering/lower.h"
#include "firmware/compiler/tflite/reader.h"

namespace tinyrig::compiler {
namespace {

/// Multiplications by a weight; 0 where the weights do not have the expected shape.
uint64_t CountMacs(const Graph& graph, const Op& op) {
  if (op.inputs.size() < 2 || op.inputs[1] < 0) return 0;
  const auto& weights = graph.tensor(op.inputs[1]).shape;
  const uint64_t outputs = graph.tensor(op.outputs[0]).ElementCount();
  switch (static_cast<Builtin>(op.builtin)) {
    case Builtin::kConv2D:
      return weights.size() == 4 ? outputs * weights[1] * weights[2] * weights[3] : 0;
    case Builtin::kDepthwiseConv2D:
      return weights.size() == 4 ? outputs * weights[1] * weights[2] : 0;
    case Builtin::kFullyConnected:
      return weights.size() == 2 ? outputs * weights[1] : 0;
    default:
      return 0;
  }
}

OpInfo Describe(const Graph& graph, const Op& op) {
  OpInfo info{.index = op.tflite_index,
              .name = op.name,
              .version = op.version,
              .supported = IsSupported(op),
              .inputs = op.inputs,
              .outputs = op.outputs,
              .output_shape = graph.tensor(op.outputs[0]).shape,
              .macs = CountMacs(graph, op)};
  for (int32_t input : op.inputs) {
    if (input >= 0 && graph.tensor(input).constant) {
      info.weights_bytes += graph.tensor(input).constant->size();
    }
  }
  return info;
}

}  // namespace

Result<ModelInfo> DescribeModel(std::span<const std::byte> tflite) {
  TRY_ASSIGN(const Graph graph, ReadTflite(tflite));
  ModelInfo info;
  info.file_bytes = tflite.size();
  for (uint32_t i = 0; i < graph.tensors.size(); ++i) {
    info.tensors.push_back(MakeTensorInfo(graph, i));
    if (graph.tensors[i].constant) info.constant_bytes += graph.tensors[i].constant->size();
  }
  for (uint32_t input : graph.inputs) info.inputs.push_back(info.tensors[input]);
  for (uint32_t output : graph.outputs) info.outputs.push_back(info.tensors[output]);
  for (const Op& op : graph.ops) {
    info.ops.push_back(Describe(graph, op));
    info.macs += info.ops.back().macs;
  }
  const auto compiled = Compile(graph, Variant{});
  info.supported = compiled.ok();
  info.refusal = compiled.status().message();
  return info;
}

}  // namespace tinyrig::compiler
