#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <thread>

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

constexpr std::chrono::seconds kAway{60};
constexpr std::chrono::milliseconds kRetry{500};

/// One call, until it ends; the request then says where to go on.
template <typename Print>
grpc::Status ReadLines(const Client& client, v1::StreamLogsRequest* request, Print print) {
  grpc::ClientContext context;
  if (!request->follow())
    context.set_deadline(std::chrono::system_clock::now() + Client::kCallTimeout);
  v1::JobService::Stub stub(client.channel());
  const auto reader = stub.StreamLogs(&context, *request);
  for (v1::LogLine line; reader->Read(&line);) {
    print(line);
    request->set_after_line(line.line());
  }
  return reader->Finish();
}

Result<int> PrintLogs(const Client& client, const LogsOptions& options, bool json) {
  v1::StreamLogsRequest request;
  request.set_job_id(options.job);
  request.set_follow(options.follow);
  Json lines = Json::array();
  const auto print = [&](const v1::LogLine& line) {
    if (json) {
      lines.push_back({{"time", FormatTime(line.time_us())},
                       {"attempt", line.attempt()},
                       {"text", line.text()}});
    } else {
      fmt::print("{} [{}] {}\n", FormatTime(line.time_us()), line.attempt(),
                 Printable(line.text()));
      std::fflush(stdout);
    }
  };
  for (auto away_since = std::chrono::steady_clock::now();;) {
    const auto began = std::chrono::steady_clock::now();
    const grpc::Status status = ReadLines(client, &request, print);
    if (status.ok()) break;
    const auto now = std::chrono::steady_clock::now();
    // A call that lasted had a server.
    if (now - began > kAway / 2) away_since = now;
    const bool away = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!options.follow || !away || now - away_since > kAway)
      return FromGrpc(status, fmt::format("logs of job {}", options.job));
    std::this_thread::sleep_for(kRetry);
  }
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
