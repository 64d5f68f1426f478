#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>

#include "server/daemon/daemon.h"
#include "server/daemon/protobuf_log.h"

namespace {

// Documented in server/README.md.
enum ExitCode { kOk = 0, kUsage = 1, kState = 2, kListen = 3, kFailed = 4 };

int ExitCodeOf(const tinyrig::Status& status) {
  switch (status.code()) {
    case tinyrig::Code::kOk:
      return kOk;
    case tinyrig::Code::kInvalidArgument:
      return kUsage;
    case tinyrig::Code::kFailedPrecondition:
      return kState;
    case tinyrig::Code::kUnavailable:
      return kListen;
    default:
      return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Children are never forked here; without this gRPC watches for it.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{
      "tinyrigd: the tinyrig server. Plans campaigns, hands jobs to agents, keeps every result.\n\n"
      "Example: tinyrigd --state ~/.local/state/tinyrig"};
  tinyrig::server::DaemonOptions options;
  options.firmware_dir = tinyrig::server::DefaultShareDir() / "firmware";
  options.reference_model = tinyrig::server::DefaultShareDir() / "zoo" / "digits_cnn.tflite";
  std::string state_dir, firmware_dir, reference_model, log_level = "info";
  app.add_option("--state", state_dir,
                 "Folder for database, artifacts and socket; created, mode 0700")
      ->required();
  app.add_option(
      "--listen", options.listen,
      "unix:PATH or HOST:PORT (port 0: any), repeatable; unix:STATE/tinyrigd.sock too when "
      "no unix:PATH is given. Beyond loopback it takes --tls-cert");
  app.add_option("--http", options.http,
                 "HOST:PORT of the HTTP gateway for reading, /healthz, /readyz and /metrics; "
                 "repeatable, default none. Beyond loopback it takes --tls-cert");
  app.add_option("--tls-cert", options.tls.cert,
                 "The server's certificate (PEM); with it every HOST:PORT speaks TLS");
  app.add_option("--tls-key", options.tls.key, "Its key (PEM)");
  app.add_option("--tls-client-ca", options.tls.client_ca,
                 "Who signs the certificates of benches (PEM): an agent with one needs no token");
  app.add_option("--firmware", firmware_dir,
                 "Folder of firmware bundles; default ../share/tinyrig/firmware");
  app.add_option("--reference-model", reference_model,
                 "Model of the jobs that check suspect boards; default "
                 "../share/tinyrig/zoo/digits_cnn.tflite");
  app.add_option("--reference-every-jobs", options.reference_policy.every_jobs,
                 "Check a good board after so many jobs; default 500")
      ->check(CLI::PositiveNumber);
  uint32_t reference_every_h = 24;
  app.add_option("--reference-every-hours", reference_every_h,
                 "Check a good board after so many hours; default 24")
      ->check(CLI::PositiveNumber);
  int query_seconds = static_cast<int>(options.query_time.count());
  app.add_option("--query-seconds", query_seconds,
                 "A user's SQL is stopped after so long; default 5")
      ->check(CLI::Range(1, 3600));
  app.add_option("--log-level", log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  options.state_dir = state_dir;
  options.reference_policy.every_us = tinyrig::server::TimeUs{reference_every_h} * 3600 * 1'000'000;
  options.query_time = std::chrono::seconds(query_seconds);
  if (!firmware_dir.empty()) options.firmware_dir = firmware_dir;
  if (!reference_model.empty()) options.reference_model = reference_model;
  spdlog::set_default_logger(spdlog::stderr_color_mt("tinyrigd"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  tinyrig::server::LogProtobuf();

  const tinyrig::Status status = tinyrig::server::RunDaemon(options);
  if (!status.ok()) fmt::print(stderr, "tinyrigd: {}\n", status.message());
  return ExitCodeOf(status);
}
