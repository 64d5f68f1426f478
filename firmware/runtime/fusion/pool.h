#pragma once

#include "firmware/runtime/fusion/tile.h"

/// The mean over a last map that never exists.
namespace tinyrig::runtime {

/// Whether a phase can end with the operator: a mean over all rows and columns of its input.
bool IsPool(const OpContext& op);

/// What the operator makes of a channel's sum.
int8_t PooledValue(const OpContext& op, int32_t sum);

/// Before the first and after the last iteration of a phase with a pool.
void BeginPool(const FusedPhase& phase);
void FinishPool(const FusedPhase& phase);

/// All of a block of order kPoolChannels.
void PoolChannels(const FusedPhase& phase);

}  // namespace tinyrig::runtime
