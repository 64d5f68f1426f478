#include "firmware/compiler/lowering/section.h"

#include "firmware/compiler/lowering/lower.h"

namespace tinyrig::compiler {

Result<Section> LowerSection(const Graph& graph, const std::vector<size_t>& ops,
                             const std::vector<uint32_t>& inputs, const Variant& variant) {
  Section section;
  for (const size_t i : ops) {
    TRY_ASSIGN(std::vector<LoweredOp> steps, LowerOne(graph, graph.ops[i], variant));
    for (LoweredOp& step : steps) section.ops.push_back(std::move(step));
  }
  TRY_ASSIGN(section.layout, LayOutArena(graph, section.ops, inputs));
  return section;
}

void MoveSection(Section& section, uint32_t tensor, uint64_t place, uint64_t arena_bytes) {
  ArenaLayout& layout = section.layout;
  const uint64_t at = section.OffsetOf(tensor);
  if (place < at || layout.bytes + (place - at) > arena_bytes) return;
  const uint64_t up = place - at;
  for (uint64_t& offset : layout.tensor_offsets) {
    if (offset != ArenaLayout::kUnplaced) offset += up;
  }
  for (uint64_t& offset : layout.scratch_offsets) offset += up;
  for (PlannedBuffer& buffer : layout.buffers) buffer.offset += up;
}

void AppendLayout(const Section& section, size_t first_op, ArenaLayout& layout) {
  const ArenaLayout& own = section.layout;
  for (size_t i = 0; i < own.tensor_offsets.size(); ++i) {
    if (own.tensor_offsets[i] != ArenaLayout::kUnplaced) {
      layout.tensor_offsets[i] = own.tensor_offsets[i];
    }
  }
  for (PlannedBuffer buffer : own.buffers) {
    buffer.first_op += static_cast<uint32_t>(first_op);
    buffer.last_op += static_cast<uint32_t>(first_op);
    layout.buffers.push_back(std::move(buffer));
  }
  layout.scratch_offsets.resize(first_op, 0);
  layout.shared.resize(first_op, false);
  layout.scratch_offsets.insert(layout.scratch_offsets.end(), own.scratch_offsets.begin(),
                                own.scratch_offsets.end());
  layout.shared.insert(layout.shared.end(), own.shared.begin(), own.shared.end());
}

}  // namespace tinyrig::compiler
