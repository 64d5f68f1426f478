#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/compiler/fusion/budget.h"
#include "firmware/compiler/fusion/phase.h"

/// The cheapest phases between any two maps: dynamic programming over blocks joined by rings.
namespace tinyrig::compiler {

/// Which plans a search looks at. The rules say what they cost.
struct Family {
  bool rings = true;
  bool channel_slices = true;
  std::vector<int32_t> heights = {1};       ///< Of the last block of a phase; rows, rising.
  std::vector<int32_t> ring_heights = {1};  ///< Of blocks that feed a ring.
  bool whole_height = false;                ///< Of the last block also all rows at once.
};

/// The literature's: one block a phase, one row an iteration.
Family OneRowFamily();
/// All techniques; `ring_height` caps what a ring's producer makes at once.
Family FullFamily(int32_t ring_height);

/// A phase that no other between the same maps beats.
struct PhaseChoice {
  int32_t begin = 0;
  int32_t end = 0;
  int64_t ram = 0;
  int64_t macs = 0;
  std::vector<FusedBlock> blocks;
};

struct SearchLimits {
  CostFront wanted;  ///< Plans already known: what is worse is not looked for.
  int64_t ram = INT64_MAX / 4;
  int64_t excess = CostFront::kUnreachable;
  int64_t floor = 0;      ///< No plan needs less RAM than this.
  bool only_ram = false;  ///< MACs do not matter: phases of least RAM, one between two maps.
};

/// Partial phases that one search may look at, about two seconds' worth.
inline constexpr int64_t kMaxLabels = 6'000'000;

/// All phases of the family that are part of some plan within the limits, and perhaps some that are
/// not. Deterministic. Nothing when that takes more than kMaxLabels: try a smaller family.
std::optional<std::vector<PhaseChoice>> FindPhases(const Chain& chain, const CostRules& rules,
                                                   const Family& family,
                                                   const SearchLimits& limits);

}  // namespace tinyrig::compiler
