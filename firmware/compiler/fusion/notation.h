#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firmware/compiler/fusion/block.h"

/// Block lists as people write them: [0-6h4 ~ 7-9h3 ~ 10-12] [13 ~ 14-15] [16-18ch2]
/// Brackets hold a phase, ~ is a ring of rows between two blocks. A block is its layers, first and
/// last (or one), then c for channel slices, then h and the rows of an iteration when it is not
/// one; or p and the rows and columns of a patch: 0-6p9x9. Blanks are as one likes.
namespace tinyrig::compiler {

using BlockPhases = std::vector<std::vector<FusedBlock>>;

std::string ToString(const FusedBlock& block);
std::string ToString(const std::vector<FusedBlock>& phase);
std::string ToString(const BlockPhases& phases);

/// Reads a list, whatever chain it is for. Errors: kInvalidArgument naming the block that is
/// malformed, overlaps or leaves a gap, and what to write instead.
Result<BlockPhases> ParseBlocks(std::string_view text);

/// Reads a list that covers layers 0 to `layers` - 1, each once and in order. `follows`: what comes
/// after them, for messages. Errors: as above; naming the block that goes beyond the last layer.
Result<BlockPhases> ParseBlocks(std::string_view text, int32_t layers,
                                std::string_view follows = "");

}  // namespace tinyrig::compiler
