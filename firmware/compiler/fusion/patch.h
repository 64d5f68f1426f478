#pragma once

#include <cstdint>
#include <vector>

#include "firmware/compiler/fusion/block.h"

/// A block that makes its output patch by patch: layer after layer over the part of each map that
/// the patch needs. Rows and columns that two patches need are computed twice.
namespace tinyrig::compiler {

/// Maps inside the block. Two layers need a map, sums keep it longer; those that are not needed
/// at once share bytes.
struct PatchMaps {
  std::vector<ArenaPart> maps;  ///< From the first bytes of all on, in words.
  int64_t bytes = 0;
};

/// REQUIRES, here and below: the block's mode is kPatch.
PatchMaps LayOutPatch(const Chain& chain, const FusedBlock& block);

/// What all patches compute.
int64_t PatchMacs(const Chain& chain, const FusedBlock& block);

}  // namespace tinyrig::compiler
