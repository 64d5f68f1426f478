#include "agent/drivers/power_command/power_command.h"

#include <fmt/format.h>

#include "agent/process/child.h"

namespace tinyrig::agent::power_command {
namespace {

constexpr size_t kShown = 300;

/// The end of what a program said: errors come last.
std::string Tail(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.size() > kShown ? "..." + text.substr(text.size() - kShown) : text;
}

}  // namespace

Awaitable<Status> CommandPower::Run(std::string what, std::vector<std::string> argv,
                                    Deadline deadline) {
  const std::string name = fmt::format("power {} by '{}'", what, argv[0]);
  ChildSpec spec;
  spec.argv = std::move(argv);
  spec.environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  auto run = co_await RunChild(std::move(spec), deadline);
  if (!run.ok()) {
    co_return Status(Code::kUnavailable, fmt::format("{}: {}", name, run.status().message()));
  }
  if (run->timed_out) {
    co_return Status(Code::kDeadlineExceeded,
                     fmt::format("{}: it did not end in time and was killed", name));
  }
  if (run->ok()) co_return OkStatus();
  const std::string end = run->signal != 0 ? fmt::format("signal {}", run->signal)
                                           : fmt::format("exit code {}", run->exit_status);
  co_return Status(Code::kUnavailable,
                   fmt::format("{}: it ended with {}: {}; run it by hand to see why", name, end,
                               Tail(run->output)));
}

Awaitable<Status> CommandPower::Cycle(Deadline deadline) {
  if (!commands_.cycle.empty()) co_return co_await Run("cycle", commands_.cycle, deadline);
  CO_TRY(co_await Run("off", commands_.off, deadline));
  co_await SleepUntil(Within(off_time_, deadline));
  co_return co_await Run("on", commands_.on, deadline);
}

}  // namespace tinyrig::agent::power_command
