#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

struct LogsOptions {
  uint64_t job = 0;
  bool follow = false;
};

Result<int> PrintLogs(const Client& client, const LogsOptions& options, bool json) {
  v1::StreamLogsRequest request;
  request.set_job_id(options.job);
  request.set_follow(options.follow);
  grpc::ClientContext context;
  if (!options.follow)
    context.set_deadline(std::chrono::system_clock::now() + Client::kCallTimeout);
  v1::JobService::Stub stub(client.channel());
  const auto reader = stub.StreamLogs(&context, request);
  Json lines = Json::array();
  for (v1::LogLine line; reader->Read(&line);) {
    if (json) {
      lines.push_back({{"time", FormatTime(line.time_us())},
                       {"attempt", line.attempt()},
                       {"text", line.text()}});
    } else {
      fmt::print("{} [{}] {}\n", FormatTime(line.time_us()), line.attempt(),
                 Printable(line.text()));
      std::fflush(stdout);
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return FromGrpc(status, fmt::format("logs of job {}", options.job));
  if (json) fmt::print("{}", Dump({{"job_id", options.job}, {"lines", lines}}));
  return kExitOk;
}

}  // namespace

Runner DefineLogs(CLI::App& app) {
  auto options = std::make_shared<LogsOptions>();
  app.add_option("JOB", options->job, "Number of the job")->required()->check(CLI::PositiveNumber);
  app.add_flag("--follow", options->follow, "Go on with new lines while the job runs");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return PrintLogs(session.client(), *options, common.json);
  };
}

}  // namespace tinyrig::cli
