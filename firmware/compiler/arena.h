#pragma once

#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/plan.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Where everything lies.
struct ArenaLayout {
  std::vector<uint64_t>
      tensor_offsets;  ///< By tensor of the graph; kUnplaced for those not in the arena.
  std::vector<uint64_t> scratch_offsets;  ///< By operator; 0 where there is none.
  std::vector<PlannedBuffer> buffers;
  std::vector<bool> shared;  ///< By operator: its output lies where an input lay.
  uint64_t bytes = 0;
  uint64_t lower_bound = 0;

  static constexpr uint64_t kUnplaced = UINT64_MAX;
};

/// Decides which tensors share bytes (views, in-place operators), finds how long each buffer lives,
/// places them. Inputs of the model live from the first step, outputs to the last. Errors:
/// kResourceExhausted for more than kMaxBuffers buffers or 2 GB.
Result<ArenaLayout> LayOutArena(const Graph& graph, const std::vector<LoweredOp>& ops);

}  // namespace tinyrig::compiler
