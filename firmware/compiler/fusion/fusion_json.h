#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "firmware/compiler/fusion/fusion_plan.h"

namespace tinyrig::compiler {

/// Bytes of one phase by what they are for; parts that share bytes are counted once, by the block
/// whose caches are largest.
struct RamByPart {
  int64_t maps = 0;     ///< Maps between phases, overlap taken off.
  int64_t rings = 0;    ///< Rows between blocks.
  int64_t caches = 0;   ///< Columns, planes and sums inside blocks.
  int64_t skips = 0;    ///< Residual maps, their rows and columns.
  int64_t io = 0;       ///< The network's input and output.
  int64_t scratch = 0;  ///< Staged pixels.
};
RamByPart RamOf(const Chain& chain, const PlannedPhase& phase);

/// "input", "skip_columns".
std::string_view PartName(PartKind kind);

/// A plan for programs: `blocks` in the notation, `arena_bytes`, `peak_ram_bytes`,
/// `peak_ram_without_io_bytes`, `macs`, `macs_unfused`, `factor`, `ram_by_part` of the phase that
/// needs most, and `phases` with blocks, parts, places and moves.
nlohmann::ordered_json ToJson(const Chain& chain, const FusionPlan& plan);

/// The plan's blocks in the notation that a setting may have.
std::string BlocksText(const FusionPlan& plan);

}  // namespace tinyrig::compiler
