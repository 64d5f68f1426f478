#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// FUSED_PHASE: several layers, rows at a time; fused_format.h. The bytes are those of the
/// operators one after the other.
/// Memory:  the places that the tables give; 2,100 bytes of stack.
/// Errors:  none after prepare. Places may overlap where the plan knows why: a wrong table makes
///          wrong numbers, never an access outside of the arena.
/// MOVE: memmove.
namespace tinyrig::runtime {

Code PrepareFusedPhase(const OpCheck& check);
void RunFusedPhase(const OpContext& context);

Code PrepareMove(const OpCheck& check);
void Move(const OpContext& context);

}  // namespace tinyrig::runtime
