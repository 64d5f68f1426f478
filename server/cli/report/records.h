#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/tinyrig/v1/campaigns.pb.h"
#include "proto/tinyrig/v1/jobs.pb.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/cli/exit_code.h"

/// What all outputs (table, JSON, CSV, JUnit, HTML) are made from: a campaign as fetched from a
/// server. The makers are pure functions of this, so each is tested without one.
namespace tinyrig::cli {

/// A job and what it found out. `result` is filled from `job` when the server has no result yet or
/// none at all, so readers look there first; attempts and times of creation are in `job`.
struct JobRecord {
  v1::Job job;
  v1::JobResult result;
};

struct CampaignRecord {
  v1::Campaign campaign;
  std::vector<JobRecord> jobs;    ///< By job id.
  std::vector<v1::Front> fronts;  ///< As FetchFronts() makes them.
};

/// Puts together what two lists of the API say of the same jobs; sorted by job id.
std::vector<JobRecord> JoinJobs(const std::vector<v1::Job>& jobs,
                                const std::vector<v1::JobResult>& results);

/// True when the job is a point of a front.
bool OnFront(const CampaignRecord& record, uint64_t job_id);

/// The model of all results that a front considers; empty when there are several.
std::string ModelOfFront(const v1::Front& front);

/// Names of metrics in use, those of KnownMetrics() first and in that order, others by name.
std::vector<std::string> MetricsInUse(const std::vector<JobRecord>& jobs);

std::vector<JobOutcome> OutcomesOf(const std::vector<JobRecord>& jobs);

/// Words of the API's enums: "succeeded", "infeasible", "emulated", "idle", "good"; "" for
/// unspecified.
std::string StateName(v1::JobState state);
std::string OwnerName(v1::FailureOwner owner);
std::string FidelityName(v1::Fidelity fidelity);

/// "EXAMPLE_STATE_IDLE" without its prefix, in lower case: "idle".
std::string EnumWord(std::string_view name, std::string_view prefix);

/// "2026-11-20T18:49:51Z" from microseconds since the Unix epoch; "" for 0.
std::string FormatTime(int64_t time_us);

}  // namespace tinyrig::cli
