#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "firmware/compiler/fusion/chain.h"
#include "firmware/compiler/graph.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// The trunk of a graph as a chain: convolutions and pools one after the other from the model's
/// input on, with the ADDs that join them. Where something else reads a map, where the graph
/// branches or an operator is no window over rows, the trunk ends and the tail begins.
struct GraphChain {
  Chain chain;
  std::vector<size_t> head_ops;   ///< Positions in Graph::ops before the trunk: QUANTIZE of float.
  std::vector<size_t> layer_ops;  ///< One a layer...
  std::vector<size_t> skip_ops;   ///< ...and one a skip: its ADD.
  std::vector<size_t> tail_ops;   ///< After the trunk, in the order of execution.
  std::vector<uint32_t> maps;     ///< Tensor of each map of the chain, sums taken.
  std::string end;                ///< Why the trunk ends there, for people.
};

/// Takes the graph after its passes (RunPasses()): padding and activations belong to their
/// convolutions. Errors: kUnimplemented when the model has several inputs or no trunk; the message
/// names the operator that is in the way.
Result<GraphChain> FindChain(const Graph& graph);

}  // namespace tinyrig::compiler
