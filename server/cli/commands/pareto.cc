#include <fmt/format.h>

#include <memory>

#include "server/cli/campaign/metrics.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {
namespace {

struct ParetoOptions {
  uint64_t campaign = 0;
  bool all = false;
  std::vector<std::string> minimize;
  std::vector<std::string> maximize;
};

/// Empty when none are given.
Result<v1::Goals> GoalsOf(const ParetoOptions& options) {
  v1::Goals goals;
  for (const std::string& metric : options.minimize) {
    TRY(CheckMetricName(metric));
    goals.add_minimize(metric);
  }
  for (const std::string& metric : options.maximize) {
    TRY(CheckMetricName(metric));
    goals.add_maximize(metric);
  }
  return goals;
}

Result<int> ShowFronts(const Client& client, uint64_t campaign, v1::Goals goals, bool json) {
  TRY_ASSIGN(const std::vector<JobRecord> jobs, FetchJobs(client, campaign, false));
  if (goals.minimize().empty() && goals.maximize().empty()) goals = DefaultGoals(jobs);
  TRY_ASSIGN(const std::vector<v1::Front> fronts, FetchFronts(client, campaign, goals, jobs));
  if (json) {
    Json list = Json::array();
    for (const v1::Front& front : fronts) {
      Json one = FrontJson(front);
      Json& points = one["points"] = Json::array();
      for (const v1::JobResult& point : front.points()) points.push_back(JobJson({{}, point}));
      list.push_back(std::move(one));
    }
    fmt::print("{}", Dump({{"fronts", list}}));
    return kExitOk;
  }
  if (fronts.empty()) fmt::print("no job has succeeded yet, so there is no front\n");
  for (const v1::Front& front : fronts) {
    fmt::print("{}", FrontText(front));
    const v1::Fidelity fidelity =
        front.points().empty() ? v1::FIDELITY_UNSPECIFIED : front.points(0).fidelity();
    if (const std::string note = FidelityNote(fidelity); !note.empty()) fmt::print("({})\n", note);
  }
  return kExitOk;
}

}  // namespace

Runner DefinePareto(CLI::App& app) {
  auto options = std::make_shared<ParetoOptions>();
  app.add_option("--min", options->minimize, "Metric to minimise; may be repeated")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  app.add_option("--max", options->maximize, "Metric to maximise; may be repeated")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  auto* campaign =
      app.add_option("--campaign", options->campaign, "Campaign to compare (default: the newest)")
          ->check(CLI::PositiveNumber);
  app.add_flag("--all", options->all, "Compare the results of all campaigns")->excludes(campaign);
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const v1::Goals goals, GoalsOf(*options));
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    uint64_t campaign = 0;
    if (!options->all) {
      TRY_ASSIGN(const v1::Campaign one, FetchCampaign(session.client(), options->campaign));
      campaign = one.campaign_id();
    }
    return ShowFronts(session.client(), campaign, goals, common.json);
  };
}

}  // namespace tinyrig::cli
