#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/commands/job_view.h"
#include "server/cli/exit_code.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {
namespace {

struct JobOptions {
  uint64_t job = 0;
  bool timeline = false;
};

}  // namespace

Runner DefineJob(CLI::App& app) {
  auto options = std::make_shared<JobOptions>();
  app.add_option("JOB", options->job, "Number of the job")->required()->check(CLI::PositiveNumber);
  app.add_flag("--timeline", options->timeline, "Draw a bar for each phase");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    TRY(ShowJob(session.client(), options->job, options->timeline, common.json));
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
