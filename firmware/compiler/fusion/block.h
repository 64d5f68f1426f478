#pragma once

#include <cstdint>
#include <vector>

#include "firmware/compiler/fusion/chain.h"
#include "firmware/compiler/fusion/cost.h"

/// One fused block as the device runs it, and the caches it needs beside the maps or rings that it
/// reads and writes.
namespace tinyrig::compiler {

enum class BlockMode : uint8_t {
  /// Iterations sweep the columns from left to right; each map inside the block keeps the columns
  /// that the next layer's window covers.
  kColumns,
  /// Expand, depthwise, project: one expanded channel at a time over the whole iteration, the
  /// projection as int32 partial sums.
  kChannels,
  /// Patches: overlap is computed again on both axes, the maps of a patch exist as a whole.
  kPatch,
};

/// Layers first..last; iterations of `height` rows of the output, of patches `width` columns.
struct FusedBlock {
  int32_t first = 0;
  int32_t last = 0;
  int32_t height = 1;
  BlockMode mode = BlockMode::kColumns;
  int32_t width = 0;  ///< Of kPatch only.
  bool operator==(const FusedBlock&) const = default;
};

/// What a piece of the arena holds. Maps and rings of rows are [rows][width][channels].
enum class PartKind : uint8_t {
  kInput,        ///< Map that the phase reads.
  kInputRows,    ///< Ring of rows of the network's input.
  kInputSlab,    ///< [columns][rows][channels] of the network's input.
  kOutput,       ///< Map that the phase writes; lies `overlap` below the input.
  kPoolSums,     ///< One sum a channel of the last map: int32, or int8 means channel by channel.
  kKept,         ///< Residual map for a later phase.
  kRing,         ///< Ring of rows of `map` between two blocks.
  kSkipRing,     ///< Ring of rows of `map` until the sum that it ends in.
  kColumns,      ///< [columns][rows][channels] of `map`: ring of columns.
  kPixel,        ///< One pixel of `map`.
  kPlane,        ///< [rows][width of the map] of one channel of `map`.
  kSums,         ///< int32 [rows][width][channels] of `map`: the projection so far.
  kStaged,       ///< One pixel of the block's output, complete before it overwrites input.
  kSkipColumns,  ///< [columns][rows][channels] of `map` until the sum that it ends in.
  kPatchMaps,    ///< Where the maps of a patch lie in turn.
  kPatchMap,     ///< [columns][rows][channels] of `map`: one of them.
};

struct ArenaPart {
  PartKind kind = PartKind::kColumns;
  int32_t map = 0;
  int32_t columns = 0;  ///< Where the kind has them.
  int32_t rows = 0;
  int64_t bytes = 0;
  int64_t offset = 0;  ///< Of the arena's first byte; FusionPlan has it.
  int32_t block = -1;  ///< Of the phase, whose cache it is; -1: lives as long as the phase.
  int32_t sum = -1;    ///< Of kSkipRing and kSkipColumns: the map that the sum makes.
};

inline constexpr int32_t kMaxBlockLayers = 64;  ///< What the executor holds.

/// Bytes up to the next multiple of the alignment, a power of two.
constexpr int64_t AlignUp(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

/// Whether the block is layers expand-depthwise-project without a sum that begins inside.
bool CanSliceChannels(const Chain& chain, int32_t first, int32_t last);

/// The block's caches. REQUIRES: the block is possible in its mode.
std::vector<ArenaPart> BlockCaches(const Chain& chain, const FusedBlock& block);

/// Their sum, each rounded up to the alignment.
int64_t CacheBytes(const Chain& chain, const FusedBlock& block, int32_t alignment);

/// What the block computes over all iterations.
int64_t BlockMacs(const Chain& chain, const FusedBlock& block);

}  // namespace tinyrig::compiler
