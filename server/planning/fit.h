#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/bundle.h"
#include "server/model/plan_facts.h"

/// The static check: what can be said about memory before a board is touched. Pure.
namespace tinyrig::server {

/// The kernels that a blob's operators ask for, each once. REQUIRES: the compiler's own blob.
std::vector<KernelId> KernelsOf(std::span<const std::byte> blob);

/// Fills the flash and RAM costs of `facts` from its blob, the kernels it uses and the sizes of the
/// bundle:
///   flash_model_bytes = blob + runtime core + what the kernels need, each piece once
///   flash_total_bytes = blob + firmware
/// Errors: kInternal when the bundle lacks one of the kernels.
Status AddCosts(const Bundle& bundle, std::span<const KernelId> kernels, PlanFacts* facts);

/// Empty when it fits the board: blob <= blob_limit; blob + firmware <= flash; arena, staged input
/// and canaries <= arena_limit; arena + static RAM + stack + rig RAM <= ram. Else why not, with the
/// numbers and what to try.
std::string CheckBoardFit(const Bundle& bundle, const PlanFacts& facts);

/// The same for the campaign's limits. RAM without stack here: it is known only after a run, and
/// checked again then.
std::string CheckLimits(const v1::Limits& limits, const PlanFacts& facts);

}  // namespace tinyrig::server
