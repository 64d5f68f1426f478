#pragma once

#include <optional>

#include "firmware/compiler/fusion/chain.h"
#include "firmware/compiler/graph.h"

namespace tinyrig::compiler {

/// The operator as a layer of a chain; nothing when it is none: another operator, a batch, another
/// type than int8, a dilated or grouped convolution.
std::optional<ChainLayer> LayerOf(const Graph& graph, const Op& op);

/// Whether the operator is the mean over all rows and columns of its map.
bool PoolsWholeMap(const Graph& graph, const Op& op);

/// Whether its output is its input under another shape.
bool IsView(const Op& op);

}  // namespace tinyrig::compiler
