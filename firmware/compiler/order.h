#pragma once

#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/passes/passes.h"

namespace tinyrig::compiler {

/// The operators in an order that needs the least memory: branches are computed one after the other
/// where the file has them side by side. Only the order changes, and only when the arena becomes
/// smaller; then there is a note. Optimal in live bytes while there are at most kMaxOrderStates
/// sets of done operators (chains have as many as operators, two branches of n operators n^2) and
/// their search is not too much work; else the file's order stays.
std::vector<LoweredOp> OrderForMemory(const Graph& graph, std::vector<LoweredOp> ops,
                                      std::vector<PassNote>& notes);

inline constexpr size_t kMaxOrderStates = 20000;

}  // namespace tinyrig::compiler
