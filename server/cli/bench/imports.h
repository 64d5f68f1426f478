#pragma once

#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/bench/bench_draft.h"
#include "server/cli/bench/machine.h"

/// Boards from the files of others. What tinyrig has no use for becomes a note of the board.
namespace tinyrig::cli {

/// A hardware map of Zephyr's twister: a list of `connected`, `id`, `platform`, `runner`, `serial`,
/// `baud` and more. Errors: kInvalidArgument with file and line: not YAML, not such a list.
Result<std::vector<BoardDraft>> ImportZephyrMap(std::string_view yaml, std::string_view file);

/// A configuration of labgrid's exporter: groups of resources. Resources that name a USB device by
/// udev properties are looked up in `machine`. Errors: kInvalidArgument with file and line.
Result<std::vector<BoardDraft>> ImportLabgridExporter(std::string_view yaml, std::string_view file,
                                                      const Machine& machine);

}  // namespace tinyrig::cli
