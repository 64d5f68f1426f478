#pragma once

#include <cstdint>
#include <vector>

#include "firmware/compiler/fusion/block.h"
#include "firmware/compiler/fusion/rows.h"

/// What blocks cost together. A phase is blocks one after the other between two maps that exist as
/// a whole; within it a block hands rows to the next through a ring: the last block makes its
/// output row by row and pulls, each block runs an iteration when the next needs a row it has not
/// made, and nothing in a ring is computed twice.
namespace tinyrig::compiler {

/// Rows of the map before `consumer` that a ring must hold when its producer makes so many rows at
/// a time; 0 when the consumer leaves the last rows unread, and a ring is not to be had.
int32_t RingRows(const Chain& chain, const FusedBlock& consumer, int32_t producer_height);

/// A residual sum across a ring waits in rows of its own. Demand() follows one from the block in
/// which it ends back to the block in which it begins.
struct SkipDemand {
  Skip skip;
  /// One an iteration of the block where it ends: the first row that is still needed, and the last
  /// row that was pulled of the map at hand.
  std::vector<RowSpan> rows;
  auto operator<=>(const SkipDemand&) const = default;
};

/// REQUIRES: the sum ends in `block` (block.first < to <= block.last + 1) and begins before it.
SkipDemand BeginDemand(const Chain& chain, const Skip& skip, const FusedBlock& block);
/// What the block's producer is asked for in turn.
SkipDemand ThroughProducer(const Chain& chain, SkipDemand demand, const FusedBlock& producer);
/// Rows to keep when the sum begins in `producer` (first <= from <= last).
int32_t SkipRingRows(const Chain& chain, const SkipDemand& demand, const FusedBlock& producer);

/// How far above its output a phase's input begins so that no byte is overwritten before its time;
/// the two maps together take the input's bytes and these. Without overlap: the output's bytes.
int64_t OverlapOfOne(const Chain& chain, const FusedBlock& block, Overlap overlap);
/// The same for a phase of several blocks that begins with `first` and makes map `end`.
int64_t OverlapOfSeveral(const Chain& chain, const FusedBlock& first, int32_t end, Overlap overlap);

/// Whether a sum begins at the phase's input and ends after the phase: the input stays whole then.
bool InputOutlives(const Chain& chain, int32_t begin, int32_t end);

/// Residual maps that stay whole while the phase from map `begin` to map `end` runs, beside its
/// input and output; rising.
std::vector<int32_t> KeptMaps(const Chain& chain, int32_t begin, int32_t end,
                              const CostRules& rules);
int64_t KeptMapBytes(const Chain& chain, int32_t begin, int32_t end, const CostRules& rules);

/// Bytes of the network's input while `block`, the first of all, runs.
int64_t InputBytes(const Chain& chain, const FusedBlock& block, const CostRules& rules);

/// Whether the rules leave the block out: the first one cannot read a slab twice.
bool BlockPossible(const Chain& chain, const FusedBlock& block, const CostRules& rules);

/// Bytes where the phase's maps lie, without rings and caches. `several`: the phase has more blocks
/// than this first one.
int64_t MapsBytes(const Chain& chain, const FusedBlock& first, int32_t end, bool several,
                  const CostRules& rules);

/// Whether the last layer, a 1x1 convolution without a sum, runs alone, one output channel after
/// the other, into its mean.
bool PoolsByChannel(const Chain& chain, const FusedBlock& first, int32_t end, bool several,
                    const CostRules& rules);

}  // namespace tinyrig::compiler
