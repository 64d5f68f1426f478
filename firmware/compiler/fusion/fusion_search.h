#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/compiler/fusion/edge_search.h"
#include "firmware/compiler/fusion/phase_search.h"

/// Whole plans: which phases one after the other.
namespace tinyrig::compiler {

/// A plan before places in memory are given. RAM is the largest phase's.
struct PhaseList {
  std::vector<PhaseChoice> phases;
  int64_t ram = 0;
  int64_t macs = 0;
};

enum class FamilyKind : uint8_t {
  kOneRow,  ///< `msf`: the literature's blocks, one a phase, one row an iteration.
  kFull,    ///< `tiny`: heights, rings of rows, channel slices.
};

/// P2: fewest MACs with RAM <= `ram_limit`, of those the least RAM. Nothing when impossible.
std::optional<PhaseList> PlanFewestMacs(const Chain& chain, const CostRules& rules,
                                        FamilyKind family, int64_t ram_limit);

/// P1: least RAM with MACs <= `mac_limit`, of those the fewest MACs. Nothing when impossible.
std::optional<PhaseList> PlanLeastRam(const Chain& chain, const CostRules& rules, FamilyKind family,
                                      int64_t mac_limit);

/// Every plan of the family that no other beats in RAM and MACs, from the most RAM to the least.
std::vector<PhaseList> PlanFront(const Chain& chain, const CostRules& rules, FamilyKind family);

}  // namespace tinyrig::compiler
