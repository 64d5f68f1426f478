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

struct ResultsOptions {
  uint64_t campaign = 0;
  std::vector<std::string> metrics;
  bool layers = false;
};

Result<int> ShowResults(const Client& client, const ResultsOptions& options, bool json) {
  TRY_ASSIGN(const CampaignRecord record, FetchRecord(client, options.campaign, options.layers));
  if (json) {
    fmt::print("{}", Dump(CampaignJson(record)));
    return kExitOk;
  }
  fmt::print("campaign {} ({}): {}\n\n{}", record.campaign.campaign_id(),
             record.campaign.spec().name(), CountsText(CountStates(record.jobs)),
             ResultTable(record, options.metrics.empty() ? DefaultMetrics() : options.metrics));
  const std::string failures = FailureText(record.jobs);
  if (!failures.empty()) fmt::print("\n{}", failures);
  return kExitOk;
}

}  // namespace

Runner DefineResults(CLI::App& app) {
  auto options = std::make_shared<ResultsOptions>();
  app.add_option("--campaign", options->campaign, "Campaign to show (default: the newest)")
      ->check(CLI::PositiveNumber);
  app.add_option("--metric", options->metrics, "Metric to show; may be repeated")
      ->type_name("METRIC")
      ->allow_extra_args(false);
  app.add_flag("--layers", options->layers,
               "With the hashes of every operator's output (JSON only)");
  return [options](const Common& common) -> Result<int> {
    for (const std::string& metric : options->metrics) TRY(CheckMetricName(metric));
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return ShowResults(session.client(), *options, common.json);
  };
}

}  // namespace tinyrig::cli
