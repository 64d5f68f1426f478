#pragma once

#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/plan.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Where everything lies.
struct ArenaLayout {
  /// By tensor of the graph; kUnplaced for those that the device does not know.
  std::vector<uint64_t> tensor_offsets;
  std::vector<uint64_t> scratch_offsets;  ///< By operator; 0 where there is none.
  std::vector<PlannedBuffer> buffers;
  std::vector<bool> shared;  ///< By operator: its output lies where an input lay.
  uint64_t bytes = 0;
  uint64_t lower_bound = 0;

  static constexpr uint64_t kUnplaced = UINT64_MAX;
  static constexpr uint64_t kInner = UINT64_MAX - 1;     ///< Inside a fused phase, never whole.
  static constexpr uint64_t kStreamed = UINT64_MAX - 2;  ///< An input outside of the arena.
};

/// Decides which tensors share bytes (views, in-place operators), finds how long each buffer lives,
/// places them. Inputs of the model live from the first step, outputs to the last. Errors:
/// kResourceExhausted for more than kMaxBuffers buffers or 2 GB.
Result<ArenaLayout> LayOutArena(const Graph& graph, const std::vector<LoweredOp>& ops);

/// The same for the end of a model: `inputs` are the tensors that are there when it begins.
Result<ArenaLayout> LayOutArena(const Graph& graph, const std::vector<LoweredOp>& ops,
                                const std::vector<uint32_t>& inputs);

/// The most that lives at one step beside the network's inputs and outputs, which most of the
/// literature leaves out. A buffer that other values share with them counts.
uint64_t PeakWithoutIo(const Graph& graph, const std::vector<LoweredOp>& ops,
                       const std::vector<PlannedBuffer>& buffers);

}  // namespace tinyrig::compiler
