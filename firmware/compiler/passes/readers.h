#pragma once

#include <vector>

#include "firmware/compiler/graph.h"

namespace tinyrig::compiler {

/// Who reads each tensor of a graph. Valid until the graph's operators change.
class Readers {
 public:
  explicit Readers(const Graph& graph);

  /// Positions in Graph::ops, rising; one that reads a tensor twice is there twice.
  const std::vector<size_t>& of(int32_t tensor) const {
    return readers_[static_cast<size_t>(tensor)];
  }
  bool is_output(int32_t tensor) const { return is_output_[static_cast<size_t>(tensor)]; }

 private:
  std::vector<std::vector<size_t>> readers_;
  std::vector<bool> is_output_;
};

/// Removes the operators that are marked.
void RemoveOps(Graph& graph, const std::vector<bool>& gone);

/// Whether both are int8 with one scale and zero point, and the same.
bool QuantizedAlike(const Tensor& a, const Tensor& b);

}  // namespace tinyrig::compiler
