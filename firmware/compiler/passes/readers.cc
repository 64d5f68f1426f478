#include "firmware/compiler/passes/readers.h"

namespace tinyrig::compiler {

Readers::Readers(const Graph& graph)
    : readers_(graph.tensors.size()), is_output_(graph.tensors.size()) {
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int32_t input : graph.ops[i].inputs) {
      if (input >= 0) readers_[static_cast<size_t>(input)].push_back(i);
    }
  }
  for (uint32_t output : graph.outputs) is_output_[output] = true;
}

void RemoveOps(Graph& graph, const std::vector<bool>& gone) {
  size_t kept = 0;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    if (gone[i]) continue;
    if (kept != i) graph.ops[kept] = std::move(graph.ops[i]);
    ++kept;
  }
  graph.ops.resize(kept);
}

bool QuantizedAlike(const Tensor& a, const Tensor& b) {
  return a.type == DataType::kInt8 && b.type == DataType::kInt8 &&
         a.quantization.scale.size() == 1 && a.quantization.scale == b.quantization.scale &&
         a.quantization.zero_point == b.quantization.zero_point;
}

}  // namespace tinyrig::compiler
