#pragma once

#include <string>

#include "firmware/compiler/fusion/chain.h"
#include "tests/unit/compiler/model_builder.h"

namespace tinyrig::compiler {

/// A random int8 model whose trunk can be fused: convolutions and pools with kernels 1 to 7,
/// strides 1 and 2, both paddings, odd sizes, residual sums over one or more layers, zero points at
/// the borders; half of them end with a mean. The same seed gives the same model everywhere.
ModelSpec RandomTrunk(uint32_t seed);

/// A list of blocks for it, in the notation of notation.h: any height, some joined by rings, some
/// sliced by channels, some of patches.
std::string RandomBlocks(const Chain& chain, uint32_t seed);

}  // namespace tinyrig::compiler
