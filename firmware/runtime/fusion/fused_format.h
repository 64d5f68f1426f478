#pragma once

#include <cstdint>

/// How a fused phase lies in a blob. Its operators come before it in the list, flagged kOpIsFused,
/// with the parameters that they would have alone; this says in which blocks they run and where
/// rows, columns and pixels lie meanwhile. Tables are in the data section.
namespace tinyrig::runtime {

/// Where values of a map lie.
/// columns 0: rows x width x channels, row y in slot y % rows: a whole map, or a ring of rows.
/// Else:      columns x rows x channels, column x in slot x % columns, the iteration's first row in
///            slot 0: a ring of columns, or (1 and 1) a pixel.
struct FusedPlace {
  uint32_t offset;  ///< In the arena, a multiple of kOffsetAlignment.
  uint16_t rows;
  uint16_t columns;
};

/// A residual sum, on each pixel of a layer's output as soon as it is made.
struct FusedSum {
  FusedPlace place;  ///< Of the operand that has waited.
  uint16_t op;       ///< The ADD, among the phase's operators.
  uint8_t operand;   ///< Which of its inputs has waited; the other one is the layer's output.
  uint8_t map;       ///< Of the block, its input 0: whose first row is in slot 0 of columns.
};

/// A copy of each pixel of a layer's output, sums taken, for a sum to come.
struct FusedKeep {
  FusedPlace place;
  uint16_t rows_of;   ///< Layer of the block: only the rows of its output are kept; or one below.
  uint16_t reserved;  ///< 0.
};
inline constexpr uint16_t kAllRows = 0xFFFF;
inline constexpr uint16_t kNewRows = 0xFFFE;  ///< Those that no iteration has made before.

/// CONV_2D, DEPTHWISE_CONV_2D or a pool, with the sums that end at its output.
struct FusedLayer {
  FusedPlace input;  ///< Inside a block: columns that its window covers, or one pixel when it is
                     ///< pointwise. Of a block's first layer: unused.
  uint16_t op;       ///< Among the phase's operators.
  uint16_t first_sum;
  uint16_t first_keep;
  uint8_t sums;
  uint8_t keeps;
};

/// How an iteration of a block goes through its maps.
enum class FusedOrder : uint8_t {
  kColumns = 0,  ///< From left to right.
  /// Expand, depthwise, project: one expanded channel after the other. Input of the second layer:
  /// rows x width of one channel; of the third: int32 rows x width x channels of the output, the
  /// projection so far. All in plain form, or direct, sliced, sliced.
  kChannels = 1,
  /// A pointwise CONV_2D in plain form, alone, into a pool: one channel after the other, which is
  /// pooled at once.
  kPoolChannels = 2,
  /// Patches of `height` rows and `width` columns, layer after layer. Input of all layers but the
  /// first: columns, as many as a patch needs.
  kPatches = 3,
};

/// Layers one after the other, in iterations of `height` rows of the output.
struct FusedBlock {
  FusedPlace input;   ///< Rows; the phase's input, or the ring that the block before writes.
  FusedPlace output;  ///< Rows; the ring to the block after, or the phase's output.
  uint32_t staged;    ///< In the arena: one pixel of the output until it is complete.
  uint16_t layers;
  uint16_t height;
  uint16_t first_keep;  ///< Of the block's input, kNewRows, before an iteration.
  uint8_t keeps;
  FusedOrder order;
  uint16_t width;     ///< Columns of a patch; else 0.
  uint16_t reserved;  ///< 0.
};

/// How a phase gets its input.
enum class FusedStream : uint8_t {
  kNone = 0,   ///< It lies in the arena.
  kRows = 1,   ///< Row after row into the first block's ring of rows, each once.
  kSlabs = 2,  ///< For each iteration of the first block column after column of its rows; the
               ///< block's input is a ring of columns.
};

/// FUSED_PHASE: input and output are maps that exist as a whole, or the output is a mean over the
/// rows and columns of the last map (REDUCE, AVERAGE_POOL_2D), which is summed up as it is made.
/// The last block runs its iterations in order; any block runs when the next one needs a row that
/// is not made yet.
struct FusedParams {
  uint16_t ops;  ///< Records before this one that belong to it.
  uint16_t blocks;
  uint16_t layers;  ///< Of all blocks.
  uint16_t sums;
  uint16_t keeps;
  uint16_t pool_op;      ///< Among the phase's operators; kNoPool: the output exists.
  uint32_t pool_offset;  ///< In the arena: int32 sums of the channels, in whose place their means
                         ///< are left as int8. kPoolChannels: the means alone.
  uint16_t convert_op;   ///< LOOKUP or QUANTIZE that streamed values go through; or kNoConversion.
  FusedStream stream;
  uint8_t reserved;        ///< 0.
  uint32_t blocks_offset;  ///< FusedBlock[blocks].
  uint32_t layers_offset;  ///< FusedLayer[layers].
  uint32_t sums_offset;    ///< FusedSum[sums].
  uint32_t keeps_offset;   ///< FusedKeep[keeps].
};

inline constexpr uint16_t kNoPool = 0xFFFF;
inline constexpr uint16_t kNoConversion = 0xFFFF;

/// MOVE: memmove inside the arena. The output tensor is the map that moves.
struct MoveParams {
  uint32_t from;
  uint32_t to;
  uint32_t bytes;
};

static_assert(sizeof(FusedPlace) == 8);
static_assert(sizeof(FusedSum) == 12);
static_assert(sizeof(FusedKeep) == 12);
static_assert(sizeof(FusedLayer) == 16);
static_assert(sizeof(FusedBlock) == 32);
static_assert(sizeof(FusedParams) == 36);
static_assert(sizeof(MoveParams) == 12);

/// Sliced forms: what an iteration keeps on the stack. Four channels of the depthwise layer's
/// output, int8 a pixel; rows of one expanded channel that an output row needs, int16, borders
/// included.
inline constexpr uint32_t kSliceScratchBytes = 728;
inline constexpr uint32_t kSliceRowsBytes = 448;
constexpr uint64_t SliceOutputBytes(uint64_t height, uint64_t out_w) { return 4 * height * out_w; }
/// One of the two places for each. `row`: DepthwiseStrip::row.
constexpr bool SlicesHaveRoom(uint64_t height, uint64_t out_w, uint64_t kernel_h, uint64_t row) {
  const uint64_t outputs = SliceOutputBytes(height, out_w);
  const uint64_t rows = kernel_h * row * sizeof(int16_t);
  return (outputs <= kSliceScratchBytes && rows <= kSliceRowsBytes) ||
         (outputs <= kSliceRowsBytes && rows <= kSliceScratchBytes);
}

inline constexpr uint32_t kMaxFusedLayers = 64;    ///< Of a block: bounds the executor's stack.
inline constexpr uint32_t kMaxFusedBlocks = 64;    ///< Of a phase.
inline constexpr uint32_t kMaxFusedSide = 0x3FFF;  ///< Rows and columns of a map.

}  // namespace tinyrig::runtime
