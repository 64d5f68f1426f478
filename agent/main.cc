// tinyrig-agent: runs jobs of a server on the boards of one bench.

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

#include "agent/config/bench_file.h"
#include "agent/config/identity_notes.h"
#include "agent/session/attempt.h"
#include "agent/state/files.h"
#include "agent/uplink/artifact_cache.h"
#include "agent/uplink/bench.h"
#include "agent/uplink/state_dir.h"
#include "agent/uplink/uplink.h"
#include "proto/notify/notify.h"

namespace {

using namespace tinyrig;
using namespace tinyrig::agent;

// Documented in agent/README.md.
enum ExitCode { kOk = 0, kUsage = 1, kStateInUse = 2 };

constexpr size_t kMaxBenchFileBytes = 1 << 20;
constexpr std::chrono::seconds kEndLimit{10};
/// A server that is there takes a result within moments; the others wait on disk.
constexpr std::chrono::seconds kDeliverLimit{3};

struct Flags {
  std::string bench, server, state, agent_id, log_level = "info";
  ChannelSecurity security;
  uint32_t drain_s = 0;
};

std::filesystem::path ShareDir() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path().parent_path() / "share" / "tinyrig";
}

std::string RandomId() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

/// The bench file with the command line on top of it.
Result<BenchConfig> Configure(const Flags& flags) {
  TRY_ASSIGN(const std::string text, ReadWholeFile(flags.bench, kMaxBenchFileBytes));
  TRY_ASSIGN(BenchConfig config, ParseBenchFile(text, flags.bench));
  if (!flags.server.empty()) config.server = flags.server;
  if (!flags.state.empty()) config.state_dir = flags.state;
  const auto outrank = [](const std::string& flag, std::string* field) {
    if (!flag.empty()) *field = flag;
  };
  outrank(flags.security.ca_file, &config.security.ca_file);
  outrank(flags.security.cert_file, &config.security.cert_file);
  outrank(flags.security.key_file, &config.security.key_file);
  outrank(flags.security.token_file, &config.security.token_file);
  config.security.token = TakeSecretVariable("TINYRIG_TOKEN");
  const auto missing = [&](const char* key, const char* flag) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{} has no '{}'; add it or give {}", flags.bench, key, flag));
  };
  if (!flags.agent_id.empty() && !IsPlainName(flags.agent_id)) {
    return Status(Code::kInvalidArgument,
                  "--agent-id takes at most 64 letters, digits, '-', '_' or '.', beginning with a "
                  "letter or digit");
  }
  if (config.server.empty()) return missing("server", "--server");
  if (config.state_dir.empty()) return missing("state_dir", "--state");
  return config;
}

/// Returns when a signal asked for the end. The first lets attempts end where `drain` allows it,
/// the next one does not.
void RunUntilStopped(boost::asio::io_context& io, boost::asio::signal_set& signals, Uplink& uplink,
                     std::chrono::seconds drain) {
  int asked = 0;
  std::function<void()> listen = [&] {
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      spdlog::info("stopping on signal {}", signal);
      ++asked;
      listen();
    });
  };
  listen();
  while (asked == 0) io.run_one();
  NotifyManager("STOPPING=1");
  if (drain.count() > 0 && !(uplink.idle() && uplink.delivered())) {
    spdlog::info("what runs may end within {} s; signal again to cancel it", drain.count());
    uplink.Drain();
    const auto limit = Clock::now() + drain;
    while (asked == 1 && !uplink.idle() && Clock::now() < limit) io.run_one_until(limit);
    const auto delivery = Clock::now() + kDeliverLimit;
    while (asked == 1 && !uplink.delivered() && Clock::now() < delivery) io.run_one_until(delivery);
  }
  // A further signal ends the program at once.
  signals.clear();
}

// Tools that the agent starts die with the thread that started them, so the main thread, which
// lives longest, runs everything; only transfers are on the pool.
Status Run(const BenchConfig& config, const Flags& flags) {
  TRY_ASSIGN(const StateDir state, StateDir::Open(config.state_dir));
  TRY_ASSIGN(Spool spool, Spool::Open(state.spool()));
  boost::asio::io_context io(1);
  boost::asio::thread_pool pool(2);
  TRY_ASSIGN(Boards boards, MakeBoards(config, ShareDir(), state, io));
  TRY_ASSIGN(const std::shared_ptr<grpc::Channel> channel,
             MakeChannel(config.server, config.security));
  TRY_ASSIGN(const std::unique_ptr<ArtifactCache> cache,
             ArtifactCache::Open(state.cache(), channel, io, pool));
  Uplink::Options options;
  options.agent_id = flags.agent_id.empty() ? config.bench : flags.agent_id;
  options.bench = config.bench;
  options.instance_id = RandomId();
  Uplink uplink(io, options, channel, boards, std::move(spool), *cache, RunAttempt);

  // From here on, before anybody is told that it runs.
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  spdlog::info("agent {} of bench {} with {} boards, server {}", options.agent_id, config.bench,
               boards.size(), config.server);
  for (const std::string& note : IdentityNotes(config)) spdlog::warn("{}", note);
  uplink.Start();
  NotifyManager(fmt::format("READY=1\nSTATUS={} boards, server {}", boards.size(), config.server));
  RunUntilStopped(io, signals, uplink, std::chrono::seconds(flags.drain_s));
  uplink.Stop();
  io.run_for(kEndLimit);
  if (!io.stopped()) {
    // Something hangs. What matters is on disk, and children die with this process.
    spdlog::warn("not everything ended within {} s", kEndLimit.count());
    _exit(kOk);
  }
  pool.join();
  return {};
}

/// A native board takes four descriptors: what the system allows is more than it gives unasked.
void AllowManyDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int ExitCodeOf(const Status& status) {
  if (status.ok()) return kOk;
  return status.code() == Code::kFailedPrecondition ? kStateInUse : kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // Children are spawned, never forked with gRPC's threads alive; without this gRPC watches for it.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  std::signal(SIGPIPE, SIG_IGN);
  AllowManyDescriptors();

  CLI::App app{"tinyrig-agent: runs jobs of a tinyrig server on the boards of one bench."};
  Flags flags;
  app.add_option("--bench", flags.bench, "Bench file (YAML): which boards, by which instruments")
      ->required();
  app.add_option("--server", flags.server, "unix:PATH or HOST:PORT, instead of the bench file's");
  app.add_option("--state", flags.state, "Folder for spool and cache, instead of the bench file's");
  app.add_option("--ca", flags.security.ca_file,
                 "Who signs the server's certificate (PEM); default: the system's list");
  app.add_option("--cert", flags.security.cert_file, "Certificate of this bench (PEM)");
  app.add_option("--key", flags.security.key_file, "Its key (PEM)");
  app.add_option("--token-file", flags.security.token_file,
                 "File with this bench's token; else the variable TINYRIG_TOKEN");
  app.add_option("--agent-id", flags.agent_id, "Name towards the server; default: the bench's");
  app.add_option("--drain", flags.drain_s,
                 "On SIGTERM or SIGINT let running attempts end, for at most so many seconds");
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.footer("Example: tinyrig-agent --bench /etc/tinyrig/bench.yaml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("tinyrig-agent"));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");

  const Result<BenchConfig> config = Configure(flags);
  const Status status = config.ok() ? Run(*config, flags) : config.status();
  if (!status.ok()) fmt::print(stderr, "tinyrig-agent: {}\n", status.message());
  return ExitCodeOf(status);
}
