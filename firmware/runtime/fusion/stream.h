#pragma once

#include "firmware/runtime/fusion/tile.h"

namespace tinyrig::runtime {

/// Copies `pixels` of the streamed input from (y, x) on, through the operator before the layers
/// when there is one.
void CopyStreamed(const FusedPhase& phase, int32_t y, int32_t x, uint32_t pixels, int8_t* to);

}  // namespace tinyrig::runtime
