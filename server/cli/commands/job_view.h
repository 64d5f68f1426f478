#pragma once

#include "proto/status/status.h"
#include "server/cli/client/client.h"
#include "server/cli/report/json.h"

/// One job as people and scripts see it: what `job` and `jobs` have in common.
namespace tinyrig::cli {

/// JobJson() with "attempts": board, times, phases, overhead, failure with evidence.
Json JobWithAttempts(const JobRecord& record);

/// Attempts, phases, failures and measurements; with `bars` a bar per phase.
std::string JobText(const JobRecord& record, bool bars);

/// Fetches a job and prints it.
Status ShowJob(const Client& client, uint64_t job_id, bool bars, bool json);

}  // namespace tinyrig::cli
