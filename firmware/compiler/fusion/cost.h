#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "firmware/compiler/fusion/chain.h"
#include "proto/status/status.h"

/// What a plan's bytes and MACs count. Every term stands alone, so that figures of the literature
/// and of the device can be had from one formula.
namespace tinyrig::compiler {

enum class Overlap : uint8_t {
  kNone,
  kRows,    ///< A step's output may lie on rows of its input that no iteration needs again.
  kPixels,  ///< On pixels that the sweep over columns has passed, too.
};

/// Where the network's input is.
enum class InputPlace : uint8_t {
  kElsewhere,  ///< Not counted, as the literature has it.
  kResident,   ///< In the arena as a map like others.
  kRows,       ///< Sent once, row by row, into a ring of rows.
  kSlabs,      ///< Sent again for every iteration, column by column of the rows it needs.
};

/// Where the last map is.
enum class OutputPlace : uint8_t {
  kElsewhere,  ///< Not counted.
  kResident,   ///< In the arena.
  kPooled,     ///< Summed up as it is made, when a mean follows; else resident.
};

struct CostRules {
  /// Caches of the published planner: kernel x tile rows x channels of every layer of a block, as
  /// its iterations are when they begin (`border_rule`: when they end). Else the ones that the
  /// executor has: nothing of the block's input, one pixel for pointwise layers, a staged pixel.
  bool published_caches = false;
  bool border_rule = false;
  /// Rows beyond a map's border are not computed. The published count of MACs takes each layer's
  /// own steps instead, and counts too few where windows overlap the border.
  bool inner_padding = true;
  bool skips = true;  ///< Residual maps, rings of rows and of columns.
  /// With published caches: a column in and one out of the block's widest layer.
  bool scratch_columns = false;
  bool tile_limit = false;  ///< A tile higher than the block's input makes the block impossible.
  Overlap overlap = Overlap::kNone;
  InputPlace input = InputPlace::kElsewhere;
  OutputPlace output = OutputPlace::kElsewhere;
  /// Of each part of the arena: a power of two. The device has words; the literature has bytes.
  int32_t alignment = 1;
};

/// `published`: the literature's planner to the byte. `derived`: its caches with the MACs that are
/// really needed. `exact`: what the device occupies and computes.
Result<CostRules> CostPreset(std::string_view name);
inline constexpr std::string_view kCostPresets = "published, derived, exact";

struct BlockPrice {
  int64_t ram = 0;
  int64_t macs = 0;
};

/// A step of a plan without rings, from map `first` to map `last + 1`: one layer, or several as one
/// block with a tile of one row. Published caches only. Nothing when the rules forbid the block.
std::optional<BlockPrice> PricePublishedBlock(const Chain& chain, int32_t first, int32_t last,
                                              const CostRules& rules);

/// Bytes of residual maps that must be kept whole while layers first..last run, beside the block's
/// own input and output.
int64_t CrossingSkipBytes(const Chain& chain, int32_t first, int32_t last);

}  // namespace tinyrig::compiler
