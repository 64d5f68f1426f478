#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "server/cli/campaign/metrics.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/csv.h"
#include "server/cli/report/html.h"
#include "server/cli/report/json.h"
#include "server/cli/report/junit.h"
#include "server/cli/service/session.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

struct ReportOptions {
  uint64_t campaign = 0;
  std::string html;
  std::string junit;
  std::string csv;
};

/// "-" is standard output.
Status Write(const std::string& path, const std::string& text) {
  if (path != "-") return WriteFile(path, text);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return OkStatus();
}

Result<int> WriteReports(const Client& client, const ReportOptions& options, bool json) {
  TRY_ASSIGN(CampaignRecord record, FetchRecord(client, options.campaign, /*with_layers=*/false));
  if (record.fronts.empty()) {
    TRY_ASSIGN(record.fronts, FetchFronts(client, record.campaign.campaign_id(),
                                          DefaultGoals(record.jobs), record.jobs));
  }
  const int64_t now_us = NowUs();
  Json written = Json::array();
  const auto write = [&](const std::string& path, auto make) -> Status {
    if (path.empty()) return OkStatus();
    TRY(Write(path, make()));
    if (path == "-") return OkStatus();
    written.push_back(path);
    if (!json) fmt::print(stderr, "wrote {}\n", path);
    return OkStatus();
  };
  TRY(write(options.html, [&] { return HtmlReport(record, now_us); }));
  TRY(write(options.junit, [&] { return JunitReport(record); }));
  TRY(write(options.csv, [&] { return CsvReport(record.jobs); }));
  if (json)
    fmt::print("{}", Dump({{"campaign_id", record.campaign.campaign_id()}, {"written", written}}));
  return kExitOk;
}

}  // namespace

Runner DefineReport(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  auto* formats = app.add_option_group("formats", "At least one; '-' writes to standard output");
  formats->add_option("--html", options->html, "A page with plot, tables and provenance")
      ->type_name("FILE");
  formats->add_option("--junit", options->junit, "JUnit XML for CI servers")->type_name("FILE");
  formats->add_option("--csv", options->csv, "One row per job")->type_name("FILE");
  formats->require_option(1, 0);
  app.add_option("--campaign", options->campaign, "Campaign to report (default: the newest)")
      ->check(CLI::PositiveNumber);
  return [options](const Common& common) -> Result<int> {
    const std::string* files[] = {&options->html, &options->junit, &options->csv};
    const auto streams = std::ranges::count_if(files, [](auto* file) { return *file == "-"; });
    if (streams + (common.json ? 1 : 0) > 1) {
      return Status(Code::kInvalidArgument,
                    "only one document fits on standard output; give files for the others");
    }
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return WriteReports(session.client(), *options, common.json);
  };
}

}  // namespace tinyrig::cli
