#pragma once

#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/bundle.h"
#include "server/model/plan_facts.h"

/// The static check: what can be said about memory before a board is touched. Pure.
namespace tinyrig::server {

/// Fills the flash and RAM costs of `facts` from its blob and operators and the sizes of the
/// bundle:
///   flash_model_bytes = blob + runtime core + each kernel folder that an operator of the model
///   uses flash_total_bytes = blob + firmware
/// Errors: kInternal when the bundle has no kernel for an operator that the compiler planned.
Status AddCosts(const Bundle& bundle, PlanFacts* facts);

/// Empty when it fits the board: blob <= blob_limit; blob + firmware <= flash; arena + staged input
/// <= arena_limit; arena + static RAM + stack + rig RAM <= ram. Else why not, with the numbers and
/// what to try.
std::string CheckBoardFit(const Bundle& bundle, const PlanFacts& facts);

/// The same for the campaign's limits. RAM without stack here: it is known only after a run, and
/// checked again then.
std::string CheckLimits(const v1::Limits& limits, const PlanFacts& facts);

}  // namespace tinyrig::server
