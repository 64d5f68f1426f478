#pragma once

#include <string>
#include <vector>

#include "firmware/compiler/graph.h"

/// Graph passes: each takes a checked graph, leaves one that computes the same bytes in every
/// tensor that it keeps, and says what it did. They change operators only; tensors keep their
/// numbers.
namespace tinyrig::compiler {

/// One change of the graph, for `tinyrig plan`.
struct PassNote {
  std::string pass;  ///< "fold_pad".
  /// The operator whose output tensor is no longer computed; of order_for_memory: the first moved.
  uint32_t tflite_op = 0;
  std::string text;  ///< "operator 0 (PAD version 1) became padding of operator 1 (...)".

  /// Whether an output tensor of the file is gone; reordering takes none away.
  bool folds() const { return pass != "order_for_memory"; }
};

/// PAD of rows and columns into the convolutions that read it: they read as many zero points beyond
/// the border anyway.
std::vector<PassNote> FoldPad(Graph& graph);

/// RELU, RELU6 and RELU_N1_TO_1 into the operator before them, where both have one quantisation:
/// the clamp is then the same, applied once.
std::vector<PassNote> FuseActivations(Graph& graph);

/// All passes in their order, on a copy that borrows the constants of `graph`.
struct PassedGraph {
  Graph graph;
  std::vector<PassNote> notes;
};
PassedGraph RunPasses(const Graph& graph);

}  // namespace tinyrig::compiler
