#pragma once

#include <vector>

#include "firmware/compiler/arena.h"
#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/variant.h"

namespace tinyrig::compiler {

/// Operators that run alone before or after the fused layers, laid out for themselves.
struct Section {
  std::vector<LoweredOp> ops;
  ArenaLayout layout;

  uint64_t OffsetOf(uint32_t tensor) const { return layout.tensor_offsets[tensor]; }
};

/// Lowers operators `ops` of the graph; `inputs` are the tensors that are there when they begin.
/// Errors: those of LowerOne() and LayOutArena().
Result<Section> LowerSection(const Graph& graph, const std::vector<size_t>& ops,
                             const std::vector<uint32_t>& inputs, const Variant& variant);

/// Moves all of a section up so that `tensor` lies at `place`, if it ends below `arena_bytes` then;
/// else it stays where it is.
void MoveSection(Section& section, uint32_t tensor, uint64_t place, uint64_t arena_bytes);

/// Takes over what a section has placed; its operators begin at number `first_op` of the program,
/// which `layout` covers up to there.
void AppendLayout(const Section& section, size_t first_op, ArenaLayout& layout);

}  // namespace tinyrig::compiler
