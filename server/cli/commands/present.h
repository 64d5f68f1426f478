#pragma once

#include <string>
#include <vector>

#include "server/cli/report/records.h"

/// What commands print for people. Pure: text in, text out.
namespace tinyrig::cli {

/// One row a job: model, variant, board, the metrics, state. Columns that would say the same "none"
/// or nothing in every row are left out. A star marks points of a front.
std::string ResultTable(const CampaignRecord& record, const std::vector<std::string>& metrics);

/// The metrics ResultTable() shows unless asked for others.
std::vector<std::string> DefaultMetrics(const CampaignRecord& record);

/// Why jobs did not succeed: owner, message, evidence. Empty when all did.
std::string FailureText(const std::vector<JobRecord>& jobs);

/// The points of a front over its goals, best in the first goal first, and what was left out.
std::string FrontText(const v1::Front& front);

/// "6 jobs: 5 succeeded, 1 infeasible".
std::string CountsText(const v1::JobCounts& counts);
v1::JobCounts CountStates(const std::vector<JobRecord>& jobs);

/// "emulated board: instructions are exact, latency is virtual time"; what a reader must know.
std::string FidelityNote(v1::Fidelity fidelity);

/// What is compared when nobody said: time (in instructions where they were counted) and flash.
v1::Goals DefaultGoals(const std::vector<JobRecord>& jobs);

}  // namespace tinyrig::cli
