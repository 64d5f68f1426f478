#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/duration.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::hours kPruneTimeout{2};

struct PruneOptions {
  std::string older_than;
  bool details_only = false;
  bool dry_run = false;
};

}  // namespace

Runner DefinePrune(CLI::App& app) {
  auto options = std::make_shared<PruneOptions>();
  app.add_option("--older-than", options->older_than,
                 "Campaigns that ended longer ago than this, as 90d")
      ->type_name("DURATION")
      ->required();
  app.add_flag("--details-only", options->details_only,
               "Keep jobs and measurements; forget raw results, logs, layers and events");
  app.add_flag("--dry-run", options->dry_run, "Only say what would be forgotten");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const int64_t age_us, ParseDuration(options->older_than));
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    v1::PruneRequest request;
    request.set_ended_before_us(NowUs() - age_us);
    request.set_dry_run(options->dry_run);
    request.set_details_only(options->details_only);
    TRY_ASSIGN(
        const v1::PruneResponse pruned,
        session.client().Call(&v1::ServerService::Stub::Prune, request, "prune", kPruneTimeout));
    if (common.json) {
      fmt::print("{}", Dump({{"dry_run", options->dry_run},
                             {"campaigns", pruned.campaigns()},
                             {"jobs", pruned.jobs()},
                             {"measurements", pruned.measurements()},
                             {"log_lines", pruned.log_lines()},
                             {"artifacts", pruned.artifacts()},
                             {"artifact_bytes", pruned.artifact_bytes()}}));
      return kExitOk;
    }
    fmt::print("{} {} campaigns: {} jobs, {} measurements, {} log lines, {} files of {}\n",
               options->dry_run ? "would forget" : "forgot",
               options->details_only ? fmt::format("details of {}", pruned.campaigns())
                                     : std::to_string(pruned.campaigns()),
               pruned.jobs(), pruned.measurements(), pruned.log_lines(), pruned.artifacts(),
               FormatBytesShort(static_cast<double>(pruned.artifact_bytes())));
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
