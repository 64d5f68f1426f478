#include <fmt/format.h>

#include <memory>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

struct JobsOptions {
  uint64_t job = 0;
  uint64_t campaign = 0;
};

Json AttemptJson(const v1::Attempt& attempt) {
  Json json = {{"attempt", attempt.attempt()},
               {"board", attempt.board_id()},
               {"agent", attempt.agent_id()},
               {"started", FormatTime(attempt.started_us())}};
  if (attempt.ended_us() != 0) json["ended"] = FormatTime(attempt.ended_us());
  Json& timeline = json["timeline"] = Json::array();
  for (const v1::Span& span : attempt.timeline()) {
    timeline.push_back({{"name", span.name()},
                        {"start_us", span.start_us()},
                        {"duration_us", span.duration_us()}});
  }
  if (attempt.has_failure()) {
    json["failure"] = {{"owner", OwnerName(attempt.failure().owner())},
                       {"message", attempt.failure().message()}};
  }
  return json;
}

Json JobWithAttempts(const JobRecord& record) {
  Json json = JobJson(record);
  Json& attempts = json["attempts"] = Json::array();
  for (const v1::Attempt& attempt : record.job.attempts()) attempts.push_back(AttemptJson(attempt));
  return json;
}

void PrintJob(const JobRecord& record) {
  const v1::JobResult& r = record.result;
  fmt::print("job {} of campaign {}: {} {} on {}: {}\n", r.job_id(), r.campaign_id(),
             Printable(r.model()), VariantText(r.variant()), r.board_type(), StateName(r.state()));
  for (const v1::Attempt& attempt : record.job.attempts()) {
    const bool ended = attempt.ended_us() != 0;
    fmt::print(
        "\nattempt {} on {} from {}{}\n", attempt.attempt(), Printable(attempt.board_id()),
        FormatTime(attempt.started_us()),
        ended ? ", " + DurationText(attempt.ended_us() - attempt.started_us()) : ", running");
    for (const v1::Span& span : attempt.timeline()) {
      fmt::print("  {:<10} {:>10}\n", Printable(span.name()), DurationText(span.duration_us()));
    }
    if (attempt.has_failure()) {
      fmt::print("  {}: {}\n", OwnerName(attempt.failure().owner()),
                 Printable(attempt.failure().message()));
    }
  }
  if (!r.measurements().empty()) {
    Table table({{"metric"}, {"value", Align::kRight}, {"unit"}, {"how it was obtained"}});
    for (const v1::Measurement& m : r.measurements()) {
      table.AddRow({m.metric(), FormatNumber(m.value()), UnitText(m.unit()), m.method()});
    }
    fmt::print("\n{}", table.Render());
  }
  const std::string failure = FailureText({record});
  if (!failure.empty()) fmt::print("\n{}", failure);
}

Result<int> ShowJobs(const Client& client, const JobsOptions& options, bool json) {
  if (options.job != 0) {
    TRY_ASSIGN(const JobRecord record, FetchJob(client, options.job));
    if (json) {
      fmt::print("{}", Dump(JobWithAttempts(record)));
    } else {
      PrintJob(record);
    }
    return kExitOk;
  }
  CampaignRecord all;
  TRY_ASSIGN(all.jobs, FetchJobs(client, options.campaign, /*with_layers=*/false));
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
