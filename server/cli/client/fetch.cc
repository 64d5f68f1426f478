#include "server/cli/client/fetch.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "server/cli/client/sql.h"

namespace tinyrig::cli {
namespace {

/// An expression that selects a model; empty, which selects all, for a name with both quotes.
std::string SelectionOf(const std::string& model) {
  for (const char quote : {'"', '\''}) {
    if (model.find(quote) == std::string::npos) {
      return fmt::format("model == {0}{1}{0}", quote, model);
    }
  }
  return "";
}

}  // namespace

Result<v1::Campaign> FetchCampaign(const Client& client, uint64_t campaign_id) {
  if (campaign_id != 0) {
    v1::GetCampaignRequest request;
    request.set_campaign_id(campaign_id);
    return client.Call(&v1::CampaignService::Stub::GetCampaign, request,
                       "campaign " + std::to_string(campaign_id));
  }
  v1::ListCampaignsRequest newest;
  newest.mutable_page()->set_size(1);
  TRY_ASSIGN(v1::ListCampaignsResponse page,
             client.Call(&v1::CampaignService::Stub::ListCampaigns, newest, "listing campaigns"));
  if (page.campaigns().empty()) {
    return Status(Code::kNotFound,
                  "there is no campaign yet; start one with 'tinyrig run CAMPAIGN.yaml'");
  }
  return std::move(*page.mutable_campaigns(0));
}

Result<std::vector<JobRecord>> FetchJobs(const Client& client, uint64_t campaign_id,
                                         bool with_layers) {
  v1::ListJobsRequest jobs_request;
  jobs_request.set_campaign_id(campaign_id);
  TRY_ASSIGN(const auto jobs,
             client.CallPages(
                 &v1::JobService::Stub::ListJobs, jobs_request, "listing jobs",
                 [](v1::ListJobsResponse & r) -> auto& { return *r.mutable_jobs(); }));
  v1::ListResultsRequest results_request;
  results_request.set_campaign_id(campaign_id);
  results_request.set_with_layers(with_layers);
  TRY_ASSIGN(const auto results,
             client.CallPages(
                 &v1::ResultService::Stub::ListResults, results_request, "listing results",
                 [](v1::ListResultsResponse & r) -> auto& { return *r.mutable_results(); }));
  return JoinJobs(jobs, results);
}

Result<JobRecord> FetchJob(const Client& client, uint64_t job_id) {
  v1::GetJobRequest job_request;
  job_request.set_job_id(job_id);
  TRY_ASSIGN(const v1::Job job, client.Call(&v1::JobService::Stub::GetJob, job_request,
                                            "job " + std::to_string(job_id)));
  v1::ListResultsRequest request;
  request.set_job_id(job_id);
  request.set_with_layers(true);
  TRY_ASSIGN(const auto results,
             client.CallPages(
                 &v1::ResultService::Stub::ListResults, request, "result of the job",
                 [](v1::ListResultsResponse & r) -> auto& { return *r.mutable_results(); }));
  return JoinJobs({job}, results).front();
}

Result<std::vector<JobKind>> FetchKinds(const Client& client, uint64_t campaign_id) {
  const std::string sql =
      campaign_id == 0
          ? "SELECT DISTINCT board_type, fidelity FROM series ORDER BY 1, 2"
          : "SELECT DISTINCT board_type, fidelity FROM jobs WHERE state = 'succeeded' AND "
            "campaign_id = " +
                std::to_string(campaign_id) + " ORDER BY 1, 2";
  TRY_ASSIGN(const SqlAnswer answer, AskSql(client, sql));
  std::vector<JobKind> kinds;
  for (const v1::QueryRow& row : answer.rows) {
    if (row.values_size() < 2) continue;
    v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
    for (const auto known : {v1::FIDELITY_HARDWARE, v1::FIDELITY_EMULATED, v1::FIDELITY_NATIVE}) {
      if (FidelityName(known) == row.values(1).text()) fidelity = known;
    }
    kinds.push_back({row.values(0).text(), fidelity});
  }
  return kinds;
}

Result<v1::Front> FetchFront(const Client& client, v1::GetFrontRequest request,
                             const JobKind& kind) {
  request.set_board_type(kind.board_type);
  request.set_fidelity(kind.fidelity);
  TRY_ASSIGN(v1::Front front, client.Call(&v1::ResultService::Stub::GetFront, request,
                                          "front of " + kind.board_type));
  if (front.goals().minimize().empty() && front.goals().maximize().empty()) {
    *front.mutable_goals() = request.goals();
  }
  return front;
}

Result<std::vector<v1::Front>> FetchFronts(const Client& client, uint64_t campaign_id,
                                           const v1::Goals& goals,
                                           const std::vector<JobRecord>& jobs) {
  std::vector<v1::Front> fronts;
  if (goals.minimize().empty() && goals.maximize().empty()) return fronts;
  std::set<std::pair<JobKind, std::string>> selections;
  for (const JobRecord& job : jobs) {
    if (job.result.state() != v1::JOB_STATE_SUCCEEDED) continue;
    const JobKind kind = {job.result.board_type(), job.result.fidelity()};
    selections.emplace(kind, goals.maximize().empty() ? SelectionOf(job.result.model()) : "");
  }
  v1::GetFrontRequest request;
  request.set_campaign_id(campaign_id);
  *request.mutable_goals() = goals;
  for (const auto& [kind, where] : selections) {
    request.set_where(where);
    TRY_ASSIGN(v1::Front front, FetchFront(client, request, kind));
    fronts.push_back(std::move(front));
  }
  return fronts;
}

Result<CampaignRecord> FetchRecord(const Client& client, uint64_t campaign_id, bool with_layers) {
  CampaignRecord record;
  TRY_ASSIGN(record.campaign, FetchCampaign(client, campaign_id));
  const uint64_t id = record.campaign.campaign_id();
  TRY_ASSIGN(record.jobs, FetchJobs(client, id, with_layers));
  TRY_ASSIGN(record.fronts, FetchFronts(client, id, record.campaign.spec().goals(), record.jobs));
  return record;
}

Result<std::vector<v1::Board>> FetchBoards(const Client& client, const std::string& expression) {
  v1::ListBoardsRequest request;
  request.set_expression(expression);
  return client.CallPages(
      &v1::BoardService::Stub::ListBoards, request, "listing boards",
      [](v1::ListBoardsResponse & r) -> auto& { return *r.mutable_boards(); });
}

Result<std::vector<v1::Agent>> FetchAgents(const Client& client) {
  return client.CallPages(
      &v1::BoardService::Stub::ListAgents, v1::ListAgentsRequest(), "listing agents",
      [](v1::ListAgentsResponse & r) -> auto& { return *r.mutable_agents(); });
}

Result<std::vector<v1::MaintenanceWindow>> FetchWindows(const Client& client) {
  return client.CallPages(
      &v1::BoardService::Stub::ListWindows, v1::ListWindowsRequest(), "listing windows",
      [](v1::ListWindowsResponse & r) -> auto& { return *r.mutable_windows(); });
}

}  // namespace tinyrig::cli
