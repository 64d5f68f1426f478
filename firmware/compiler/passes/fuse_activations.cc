#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/passes/readers.h"

namespace tinyrig::compiler {
namespace {

std::optional<Activation> ActivationOf(const Op& op) {
  switch (static_cast<Builtin>(op.builtin)) {
    case Builtin::kRelu:
      return Activation::kRelu;
    case Builtin::kReluN1To1:
      return Activation::kReluN1To1;
    case Builtin::kRelu6:
      return Activation::kRelu6;
    default:
      return std::nullopt;
  }
}

/// Those whose lowering clamps.
constexpr Builtin kClamp[] = {Builtin::kConv2D,
                              Builtin::kDepthwiseConv2D,
                              Builtin::kFullyConnected,
                              Builtin::kAdd,
                              Builtin::kSub,
                              Builtin::kMul,
                              Builtin::kAveragePool2D,
                              Builtin::kMaxPool2D};

/// The activation of an operator that can have one; null for others.
Activation* FusedActivation(Op& op) {
  if (std::ranges::find(kClamp, static_cast<Builtin>(op.builtin)) == std::end(kClamp)) {
    return nullptr;
  }
  return std::visit(
      [](auto& options) -> Activation* {
        if constexpr (requires { options.activation; }) {
          return &options.activation;
        } else {
          return nullptr;
        }
      },
      op.options);
}

}  // namespace

std::vector<PassNote> FuseActivations(Graph& graph) {
  std::vector<PassNote> notes;
  std::vector<bool> gone(graph.ops.size());
  std::vector<size_t> writer(graph.tensors.size(), graph.ops.size());
  const Readers readers(graph);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    for (int32_t output : op.outputs) writer[static_cast<size_t>(output)] = i;
    const std::optional<Activation> activation = ActivationOf(op);
    if (!activation || op.inputs.size() != 1 || op.inputs[0] < 0) continue;
    const int32_t between = op.inputs[0];
    const size_t before = writer[static_cast<size_t>(between)];
    if (before == graph.ops.size() || readers.is_output(between) ||
        readers.of(between).size() != 1 ||
        !QuantizedAlike(graph.tensor(between), graph.tensor(op.outputs[0]))) {
      continue;
    }
    Op& producer = graph.ops[before];
    Activation* const fused = FusedActivation(producer);
    if (fused == nullptr || *fused != Activation::kNone || producer.outputs.size() != 1) continue;
    notes.push_back({"fuse_activations", producer.tflite_index,
                     fmt::format("{} is done by {}", op.Describe(), producer.Describe())});
    *fused = *activation;
    producer.outputs[0] = op.outputs[0];
    producer.tflite_index = op.tflite_index;  // whose output it computes now
    writer[static_cast<size_t>(op.outputs[0])] = before;
    gone[i] = true;
  }
  RemoveOps(graph, gone);
  return notes;
}

}  // namespace tinyrig::compiler
