#include "firmware/runtime/fusion/fused_phase.h"

#include <cstring>

#include "firmware/runtime/fusion/pool.h"
#include "firmware/runtime/fusion/stream.h"
#include "firmware/runtime/fusion/tile.h"

namespace tinyrig::runtime {
namespace {

/// Where each block of a phase is.
class Progress {
 public:
  explicit Progress(const FusedPhase& phase) : phase_(phase) {
    for (uint32_t b = 0; b < phase.params.blocks; ++b) next_[b] = 0;
  }

  /// Runs iterations until the last block has made all of its rows.
  void Run() {
    const uint32_t last = phase_.params.blocks - 1u;
    const uint32_t rows =
        phase_.Operator(phase_.layers[phase_.params.layers - 1].op).output().dims[1];
    while (next_[last] * phase_.blocks[last].height < rows) Step(last, phase_.params.layers);
  }

 private:
  /// One iteration: of `block` when the rows that it reads are made, else of the nearest one before
  /// it for which that holds. `end`: the layer after the block's last.
  void Step(uint32_t block, uint32_t end) {
    while (!StepOne(block, end)) {
      end -= phase_.blocks[block].layers;
      --block;
    }
  }

  bool StepOne(uint32_t b, uint32_t end) {
    const FusedBlock& block = phase_.blocks[b];
    Tile tile(phase_, block, phase_.layers + end - block.layers, next_[b]);
    const auto needed = static_cast<uint32_t>(tile.input_rows().hi);
    if (b > 0 && next_[b - 1] * phase_.blocks[b - 1].height <= needed) return false;
    if (b == 0 && phase_.params.stream == FusedStream::kRows) LoadRows(needed);
    tile.Run();
    ++next_[b];
    return true;
  }

  /// Of a streamed input, up to row `last`.
  void LoadRows(uint32_t last) {
    const TensorRecord& map = phase_.context.input();
    const PixelMap ring = MakePixelMap(phase_.context.arena, phase_.blocks[0].input, map, 0);
    for (; loaded_ <= last; ++loaded_) {
      const auto y = static_cast<int32_t>(loaded_);
      CopyStreamed(phase_, y, 0, map.dims[2], ring.At(y, 0));
    }
  }

  const FusedPhase& phase_;
  uint32_t loaded_ = 0;             ///< Rows of a streamed input.
  uint16_t next_[kMaxFusedBlocks];  ///< Iteration of each block.
};

}  // namespace

void RunFusedPhase(const OpContext& context) {
  const FusedPhase phase(context);
  if (phase.blocks[0].order == FusedOrder::kPoolChannels) return PoolChannels(phase);
  BeginPool(phase);
  Progress(phase).Run();
  FinishPool(phase);
}

Code PrepareMove(const OpCheck& check) {
  if (!check.Has<MoveParams>(0)) return Code::kInvalidArgument;
  const auto& params = check.params<MoveParams>();
  const bool sound =
      check.InArena(params.from, params.bytes) && check.InArena(params.to, params.bytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Move(const OpContext& context) {
  const auto& params = context.params<MoveParams>();
  std::memmove(context.arena + params.to, context.arena + params.from, params.bytes);
}

}  // namespace tinyrig::runtime
