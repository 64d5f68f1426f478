#include <fmt/format.h>

#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/client/request.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/commands/job_view.h"
#include "server/cli/exit_code.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{200};

struct RerunOptions {
  uint64_t job = 0;
  bool wait = false;
};

bool IsEnded(v1::JobState state) {
  return state != v1::JOB_STATE_QUEUED && state != v1::JOB_STATE_LEASED;
}

/// A service that measures: the running one, or a private one with boards of the job's type.
Result<Session> OpenFor(uint64_t job_id, const Common& common, Interrupts& interrupts) {
  std::string board_type;
  {
    TRY_ASSIGN(Session session, Session::Open(common.server, common.state, {}));
    if (!session.is_private()) return session;
    TRY_ASSIGN(const JobRecord record, FetchJob(session.client(), job_id));
    board_type = record.result.board_type();
  }
  return Session::Open(common.server, common.state,
                       NeedsOfMeasuring(UsefulBoards({board_type}, 1), interrupts));
}

Result<int> WaitForJob(const Client& client, uint64_t job_id, const Common& common,
                       Interrupts& interrupts) {
  while (true) {
    TRY_ASSIGN(const JobRecord record, FetchJob(client, job_id));
    if (IsEnded(record.job.state())) {
      TRY(ShowJob(client, job_id, /*bars=*/false, common.json));
      return ExitCodeOf(OutcomesOf({record}));
    }
    if (interrupts.WaitFor(kPoll)) {
      fmt::print(stderr, "\nNo longer waiting for job {}; look at it with: tinyrig job {}{}\n",
                 job_id, job_id, SameService(common));
      return kExitInterrupted;
    }
  }
}

Result<int> Rerun(const RerunOptions& options, const Common& common) {
  Interrupts interrupts;
  TRY_ASSIGN(const Session session, OpenFor(options.job, common, interrupts));
  v1::RerunJobRequest request;
  request.set_job_id(options.job);
  request.set_idempotency_key(NewIdempotencyKey());
  TRY_ASSIGN(const v1::Job job,
             session.client().Call(&v1::JobService::Stub::RerunJob, request,
                                   fmt::format("running job {} again", options.job)));
  if (options.wait || session.is_private()) {
    fmt::print(stderr, "job {} runs job {} again\n", job.job_id(), options.job);
    return WaitForJob(session.client(), job.job_id(), common, interrupts);
  }
  if (common.json) {
    fmt::print("{}", Dump({{"job_id", job.job_id()},
                           {"rerun_of", options.job},
                           {"campaign_id", job.campaign_id()},
                           {"state", StateName(job.state())}}));
  } else {
    fmt::print("job {} runs job {} again; look at it with: tinyrig job {}{}\n", job.job_id(),
               options.job, job.job_id(), SameService(common));
  }
  return kExitOk;
}

}  // namespace

Runner DefineRerun(CLI::App& app) {
  auto options = std::make_shared<RerunOptions>();
  app.add_option("JOB", options->job, "Number of an ended job")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_flag("--wait", options->wait, "Wait for its end (always with a private service)");
  return [options](const Common& common) { return Rerun(*options, common); };
}

}  // namespace tinyrig::cli
