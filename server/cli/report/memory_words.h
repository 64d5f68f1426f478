#pragma once

#include <string>
#include <utility>
#include <vector>

#include "firmware/compiler/fusion/block.h"
#include "server/cli/report/memory_of.h"

/// What pictures of fusion plans say.
namespace tinyrig::cli {

/// Kind, place, size, words and labels of a part; not its steps.
MemoryPart WordsFor(const compiler::Chain& chain, const compiler::ArenaPart& part);

/// What a plan's bytes count, as a sentence.
std::string AccountingText(const compiler::Chain& chain, const FusionPicture& about);

/// The kinds that a picture of a fusion plan has.
std::vector<std::pair<MemoryKind, std::string>> LegendOf(const MemoryPicture& picture);

}  // namespace tinyrig::cli
