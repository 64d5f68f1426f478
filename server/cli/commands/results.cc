#include <fmt/format.h>

#include <memory>
#include <optional>

#include "server/cli/campaign/metrics.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/report/literature.h"
#include "server/cli/service/paths.h"
#include "server/cli/service/session.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

struct ResultsOptions {
  uint64_t campaign = 0;
  std::vector<std::string> metrics;
  bool layers = false;
  std::string literature;  ///< A user's own file; empty: the one that comes with the programs.
};

constexpr uint64_t kMaxLiteratureBytes = 4 << 20;

Result<Literature> ReadLiterature(const std::string& given) {
  std::string path = given;
  if (path.empty()) {
    TRY_ASSIGN(path, FindBesidePrograms("share/tinyrig/literature.json"));
  }
  TRY_ASSIGN(const std::string text, ReadFile(path, kMaxLiteratureBytes));
  return ParseLiterature(text, path);
}

std::vector<std::string> ModelsOf(const CampaignRecord& record) {
  std::vector<std::string> models;
  for (const v1::ArtifactRef& model : record.campaign.spec().models())
    models.push_back(model.name());
  return models;
}

Result<int> ShowResults(const Client& client, const ResultsOptions& options,
                        const std::optional<Literature>& literature, bool json) {
  TRY_ASSIGN(const CampaignRecord record, FetchRecord(client, options.campaign, options.layers));
  if (json) {
    Json document = CampaignJson(record);
    if (literature) document["literature"] = LiteratureJson(*literature, ModelsOf(record));
    fmt::print("{}", Dump(document));
    return kExitOk;
  }
  fmt::print(
      "campaign {} ({}): {}\n\n{}", record.campaign.campaign_id(), record.campaign.spec().name(),
      CountsText(CountStates(record.jobs)),
      ResultTable(record, options.metrics.empty() ? DefaultMetrics(record) : options.metrics));
  if (literature) fmt::print("\n{}", LiteratureText(*literature, ModelsOf(record)));
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
  CLI::Option* literature =
      app.add_option("--with-literature", options->literature,
                     "Published figures of the campaign's models, too, in a block of their own; "
                     "FILE instead of those that come with tinyrig")
          ->type_name("[FILE]")
          ->expected(0, 1);
  return [options, literature](const Common& common) -> Result<int> {
    for (const std::string& metric : options->metrics) TRY(CheckMetricName(metric));
    std::optional<Literature> figures;
    if (literature->count() > 0) {
      TRY_ASSIGN(figures, ReadLiterature(options->literature));
    }
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return ShowResults(session.client(), *options, figures, common.json);
  };
}

}  // namespace tinyrig::cli
