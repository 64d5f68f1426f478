#pragma once

#include <cstdint>
#include <optional>

#include "proto/status/status.h"
#include "server/cli/commands/command.h"
#include "server/cli/service/interrupts.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {

/// Shows a campaign's progress on stderr until it has ended, then prints its results and gives the
/// exit code they deserve. Ctrl-C on a terminal asks whether to cancel; elsewhere it says how to
/// resume. What `run
/// --wait` and `watch` have in common.
Result<int> FollowCampaign(const Session& session, uint64_t campaign_id, const Common& common,
                           Interrupts& interrupts);

/// The progress alone. Gives an exit code when the user left or cancelled, nothing when the
/// campaign has ended.
Result<std::optional<int>> WatchCampaign(const Session& session, uint64_t campaign_id,
                                         const Common& common, Interrupts& interrupts);

/// The boards that a private service should have for a campaign of `jobs` jobs on these board
/// types.
std::string UsefulBoards(const std::vector<std::string>& board_types, size_t jobs);

/// What a command that measures needs of a server it may have to start.
SessionNeeds NeedsOfMeasuring(std::string boards, Interrupts& interrupts);

/// " --server ADDR" or " --state DIR" as the user gave them, for commands that we suggest.
std::string SameService(const Common& common);

}  // namespace tinyrig::cli
