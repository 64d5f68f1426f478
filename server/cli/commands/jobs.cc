#include <fmt/format.h>

#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/job_view.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {
namespace {

struct JobsOptions {
  uint64_t job = 0;
  uint64_t campaign = 0;
};

Result<int> ShowJobs(const Client& client, const JobsOptions& options, bool json) {
  if (options.job != 0) {
    TRY(ShowJob(client, options.job, /*bars=*/false, json));
    return kExitOk;
  }
  CampaignRecord all;
  TRY_ASSIGN(all.jobs, FetchJobs(client, options.campaign, /*with_layers=*/false));
  if (all.jobs.empty() && options.campaign != 0) {
    TRY(FetchCampaign(client, options.campaign).status());
  }
  if (json) {
    Json list = Json::array();
    for (const JobRecord& record : all.jobs) list.push_back(JobWithAttempts(record));
    fmt::print("{}", Dump({{"jobs", list}}));
  } else if (all.jobs.empty()) {
    fmt::print("there are no jobs yet; 'tinyrig run CAMPAIGN.yaml' makes some\n");
  } else {
    fmt::print("{}{}\n", ResultTable(all, {}), CountsText(CountStates(all.jobs)));
  }
  return kExitOk;
}

}  // namespace

Runner DefineJobs(CLI::App& app) {
  auto options = std::make_shared<JobsOptions>();
  app.add_option("JOB", options->job, "Show this job: attempts, phases, measurements")
      ->check(CLI::PositiveNumber);
  app.add_option("--campaign", options->campaign, "Only jobs of this campaign")
      ->check(CLI::PositiveNumber);
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return ShowJobs(session.client(), *options, common.json);
  };
}

}  // namespace tinyrig::cli
