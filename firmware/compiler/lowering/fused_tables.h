#pragma once

#include <vector>

#include "firmware/compiler/fusion/fusion_plan.h"
#include "firmware/runtime/fusion/fused_format.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Where maps lie that a plan has outside of its arena.
struct OutsidePlaces {
  int64_t input = 0;
  int64_t output = 0;
};

/// What a phase's record points at. Operators of a phase: its layers, then the sums that end in it,
/// both in their order,
/// then the pool.
struct FusedTables {
  std::vector<runtime::FusedBlock> blocks;
  std::vector<runtime::FusedLayer> layers;
  std::vector<runtime::FusedSum> sums;
  std::vector<runtime::FusedKeep> keeps;
  std::vector<size_t> skips;  ///< Of the chain: those that end in the phase, one an ADD.
  runtime::FusedStream stream = runtime::FusedStream::kNone;
  const ArenaPart* pool = nullptr;  ///< Sums of the last map, when it is pooled as it is made.
};

/// `waiting_operands`: for each skip of the chain, which input of its ADD is the older map. Errors:
/// kUnimplemented naming the block that the executor does not know.
Result<FusedTables> MakeFusedTables(const Chain& chain, const PlannedPhase& phase,
                                    const OutsidePlaces& outside,
                                    const std::vector<uint8_t>& waiting_operands);

/// The part of a phase, or nothing. Parts of the phase as a whole have block -1.
const ArenaPart* FindPart(const PlannedPhase& phase, PartKind kind, int32_t map, int32_t block = -1,
                          int32_t sum = -1);

}  // namespace tinyrig::compiler
