#pragma once

#include <cstdint>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/client/client.h"
#include "server/cli/report/records.h"

/// Reads from a server what reports are made of.
namespace tinyrig::cli {

/// The campaign, or the newest one when `campaign_id` is 0. Errors: kNotFound when there is none.
Result<v1::Campaign> FetchCampaign(const Client& client, uint64_t campaign_id);

/// Jobs with their results; all campaigns when `campaign_id` is 0.
Result<std::vector<JobRecord>> FetchJobs(const Client& client, uint64_t campaign_id,
                                         bool with_layers);

/// One job with its result and layers. Errors: kNotFound.
Result<JobRecord> FetchJob(const Client& client, uint64_t job_id);

/// What shares a front, or is in one series.
struct JobKind {
  std::string board_type;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  auto operator<=>(const JobKind&) const = default;
};

/// Kinds of the jobs that succeeded in a campaign (0: in all), without reading the jobs.
Result<std::vector<JobKind>> FetchKinds(const Client& client, uint64_t campaign_id);

/// The front that `request` asks for, among the jobs of one kind.
Result<v1::Front> FetchFront(const Client& client, v1::GetFrontRequest request,
                             const JobKind& kind);

/// A front for each board type and fidelity among `jobs`, and for each model when no goal says what
/// a model is worth (`max`: the smallest model would beat all others). None when `goals` are empty.
Result<std::vector<v1::Front>> FetchFronts(const Client& client, uint64_t campaign_id,
                                           const v1::Goals& goals,
                                           const std::vector<JobRecord>& jobs);

/// Everything about a campaign (0 = the newest), with the fronts over its own goals.
Result<CampaignRecord> FetchRecord(const Client& client, uint64_t campaign_id, bool with_layers);

/// Boards that match an expression; all of them when it is empty.
Result<std::vector<v1::Board>> FetchBoards(const Client& client,
                                           const std::string& expression = "");
Result<std::vector<v1::Agent>> FetchAgents(const Client& client);
Result<std::vector<v1::MaintenanceWindow>> FetchWindows(const Client& client);

}  // namespace tinyrig::cli
