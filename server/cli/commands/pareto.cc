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
  std::string where;
  std::vector<std::string> limits;
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

/// Quick and small: by instructions where boards count them.
v1::Goals DefaultGoalsOf(const JobKind& kind) {
  v1::Goals goals;
  goals.add_minimize(kind.fidelity == v1::FIDELITY_EMULATED ? "instructions_p50"
                                                            : "latency_us_p50");
  goals.add_minimize("flash_model_bytes");
  return goals;
}

Result<std::vector<v1::Front>> AskFronts(const Client& client, const v1::GetFrontRequest& request) {
  TRY_ASSIGN(const std::vector<JobKind> kinds, FetchKinds(client, request.campaign_id()));
  std::vector<v1::Front> fronts;
  for (const JobKind& kind : kinds) {
    v1::GetFrontRequest one = request;
    if (one.goals().minimize().empty() && one.goals().maximize().empty()) {
      *one.mutable_goals() = DefaultGoalsOf(kind);
    }
    TRY_ASSIGN(v1::Front front, FetchFront(client, one, kind));
    // A kind of board that `where` leaves out altogether is not spoken of.
    const bool empty = front.points().empty() && front.notes().empty();
    if (!empty || request.where().empty()) fronts.push_back(std::move(front));
  }
  return fronts;
}

Json FrontsJson(const std::vector<v1::Front>& fronts) {
  Json list = Json::array();
  for (const v1::Front& front : fronts) {
    Json one = FrontJson(front);
    Json& points = one["points"] = Json::array();
    for (const v1::JobResult& point : front.points()) points.push_back(JobJson({{}, point}));
    list.push_back(std::move(one));
  }
  return {{"fronts", list}};
}

Result<int> ShowFronts(const Client& client, const v1::GetFrontRequest& request, bool json) {
  TRY_ASSIGN(const std::vector<v1::Front> fronts, AskFronts(client, request));
  if (json) {
    fmt::print("{}", Dump(FrontsJson(fronts)));
    return kExitOk;
  }
  if (fronts.empty()) {
    fmt::print("{}\n", request.where().empty() ? "no job has succeeded yet, so there is no front"
                                               : "no job that succeeded is in the selection");
  }
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
  app.add_option("--where", options->where,
                 "Only jobs of which this is true, as \"model == kws && kernels == dsp\"")
      ->type_name("EXPR");
  app.add_option("--limit", options->limits,
                 "Only results that keep this limit, as flash_model_bytes<=256kB; may be repeated")
      ->type_name("EXPR")
      ->allow_extra_args(false);
  auto* campaign =
      app.add_option("--campaign", options->campaign, "Campaign to compare (default: the newest)")
          ->check(CLI::PositiveNumber);
  app.add_flag("--all", options->all, "Compare the results of all campaigns")->excludes(campaign);
  return [options](const Common& common) -> Result<int> {
    v1::GetFrontRequest request;
    TRY_ASSIGN(*request.mutable_goals(), GoalsOf(*options));
    request.set_where(options->where);
    for (const std::string& limit : options->limits) request.add_limits(limit);
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    if (!options->all) {
      TRY_ASSIGN(const v1::Campaign one, FetchCampaign(session.client(), options->campaign));
      request.set_campaign_id(one.campaign_id());
    }
    return ShowFronts(session.client(), request, common.json);
  };
}

}  // namespace tinyrig::cli
