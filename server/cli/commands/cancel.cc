#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {
namespace {

struct CancelOptions {
  uint64_t campaign = 0;
  uint64_t job = 0;
};

Result<int> CancelCampaign(const Client& client, uint64_t id, bool json) {
  v1::CancelCampaignRequest request;
  request.set_campaign_id(id);
  TRY_ASSIGN(const v1::Campaign campaign,
             client.Call(&v1::CampaignService::Stub::CancelCampaign, request,
                         fmt::format("cancelling campaign {}", id)));
  if (json) {
    fmt::print("{}", Dump({{"campaign_id", id}, {"ended", campaign.ended()}}));
  } else {
    fmt::print("campaign {}: {}\n", id, CountsText(campaign.counts()));
  }
  return kExitOk;
}

Result<int> CancelJob(const Client& client, uint64_t id, bool json) {
  v1::CancelJobRequest request;
  request.set_job_id(id);
  TRY_ASSIGN(const v1::Job job, client.Call(&v1::JobService::Stub::CancelJob, request,
                                            fmt::format("cancelling job {}", id)));
  if (json) {
    fmt::print("{}", Dump({{"job_id", id}, {"state", StateName(job.state())}}));
  } else {
    fmt::print("job {}: {}\n", id, StateName(job.state()));
  }
  return kExitOk;
}

}  // namespace

Runner DefineCancel(CLI::App& app) {
  auto options = std::make_shared<CancelOptions>();
  auto* what = app.add_option_group("what", "What to cancel; exactly one");
  what->add_option("--campaign", options->campaign, "All jobs of this campaign")
      ->check(CLI::PositiveNumber);
  what->add_option("--job", options->job, "This job")->check(CLI::PositiveNumber);
  what->require_option(1);
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    if (options->campaign != 0)
      return CancelCampaign(session.client(), options->campaign, common.json);
    return CancelJob(session.client(), options->job, common.json);
  };
}

}  // namespace tinyrig::cli
