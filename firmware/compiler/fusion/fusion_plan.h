#pragma once

#include <cstdint>
#include <vector>

#include "firmware/compiler/fusion/fusion_search.h"

/// A plan with a place for everything: all that an executor and a blob need, nothing to derive.
namespace tinyrig::compiler {

/// A map goes to another place before the phase begins. Places may overlap (memmove); moves are
/// done in their order, and no move touches what still lives.
struct MapMove {
  int32_t map = 0;
  int64_t from = 0;
  int64_t to = 0;
  int64_t bytes = 0;
};

/// Blocks that run together. A block reads the phase's input or the ring before it, writes the ring
/// after it or the phase's output. Sums whose first operand is the block's own input read it there;
/// others have a part of kind kSkipRing, kSkipColumns or kKept.
struct PlannedPhase {
  int32_t begin = 0;  ///< Map that it reads...
  int32_t end = 0;    ///< ...and that it makes.
  std::vector<FusedBlock> blocks;
  std::vector<MapMove> moves;
  std::vector<ArenaPart> parts;       ///< Caches of different blocks share bytes.
  std::vector<ArenaPart> patch_maps;  ///< Where in kPatchMaps the maps of a patch lie.
  int64_t ram = 0;
  int64_t macs = 0;
};

struct FusionPlan {
  std::vector<PlannedPhase> phases;
  int64_t arena_bytes = 0;
  /// With the network's input and output, wherever they are.
  int64_t peak_ram_bytes = 0;
  /// Without them, as the literature counts.
  int64_t peak_ram_without_io_bytes = 0;
  int64_t macs = 0;
  int64_t macs_unfused = 0;
  size_t peak_phase = 0;    ///< The first that needs most.
  bool has_places = false;  ///< False for the literature's caches, which nothing executes.
};

/// One phase without moves, its kept maps below `arena_bytes`. REQUIRES: blocks follow each other
/// and are possible (CheckPhase()).
PlannedPhase LayOutPhase(const Chain& chain, const CostRules& rules,
                         const std::vector<FusedBlock>& blocks, int64_t arena_bytes);

/// The whole. REQUIRES: the phases follow each other from map 0 to the last.
FusionPlan LayOut(const Chain& chain, const CostRules& rules, const PhaseList& list);

/// Whether the blocks of a phase can run so under the rules. Errors: kInvalidArgument naming the
/// block in the notation of notation.h.
Status CheckPhase(const Chain& chain, const CostRules& rules,
                  const std::vector<FusedBlock>& blocks);

}  // namespace tinyrig::compiler
