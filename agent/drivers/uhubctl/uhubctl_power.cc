#include "agent/drivers/uhubctl/uhubctl_power.h"

#include <fmt/format.h>
#include <unistd.h>

#include "agent/process/child.h"

namespace tinyrig::agent::uhubctl {

std::string FindProgram() {
  for (const char* path : {"/usr/sbin/uhubctl", "/usr/local/sbin/uhubctl"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return "uhubctl";
}

Awaitable<Status> UhubctlPower::Set(bool on, Deadline deadline) {
  for (const Port& port : ports_) {
    ChildSpec spec;
    spec.argv = SetArguments(program_, port, on);
    auto run = co_await RunChild(std::move(spec), deadline);
    if (!run.ok() && run.status().code() == Code::kNotFound) {
      co_return Status(Code::kUnavailable,
                       "uhubctl is not installed; install it: apt-get install uhubctl");
    }
    if (!run.ok()) co_return run.status();
    if (run->timed_out) {
      co_return Status(
          Code::kDeadlineExceeded,
          fmt::format("port {} of hub {}: uhubctl did not end in time", port.number, port.hub));
    }
    CO_TRY(CheckAnswer(run->output, run->exit_status, port, on));
  }
  co_return OkStatus();
}

Awaitable<Status> UhubctlPower::Cycle(Deadline deadline) {
  CO_TRY(co_await Set(false, deadline));
  co_await SleepUntil(Within(off_time_, deadline));
  co_return co_await Set(true, deadline);
}

}  // namespace tinyrig::agent::uhubctl
