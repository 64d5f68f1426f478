#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "firmware/compiler/fusion/chain.h"
#include "firmware/zoo/nets/published_nets.h"

/// Networks of the literature as layer lists, and random small ones.
namespace tinyrig::compiler {

using zoo::McuNet320K;
using zoo::McuNetVww5;
using zoo::MobileNetV2;

/// `layers` layers with kernels 1 to 7, strides 1 and 2, odd sizes and residual sums, also over
/// several windows. The same seed gives the same chain everywhere.
Chain RandomChain(uint32_t seed, int32_t layers);

/// Layers first and last of each block.
using BlockList = std::vector<std::pair<int32_t, int32_t>>;

}  // namespace tinyrig::compiler
