#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/instruments/async.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// A program to run to its end.
struct ChildSpec {
  std::vector<std::string>
      argv;  ///< argv[0] without a slash is looked for in /usr/local/bin, /usr/bin, /bin.
  /// The whole environment: nothing is inherited, so no secret of the agent's leaks into tools.
  std::map<std::string, std::string> environment;
  /// Standard output and error together; of more, the middle is left out.
  size_t max_output_bytes = 256 * 1024;
};

struct ChildResult {
  int exit_status = -1;    ///< Of exit(), or -1 when a signal ended it.
  int signal = 0;          ///< That ended it, or 0.
  bool timed_out = false;  ///< Killed at the deadline.
  std::string output;
  Clock::duration duration{};

  bool ok() const { return exit_status == 0; }
};

/// Runs a child in its own process group and waits for it exactly once.
/// At the deadline, or when the coroutine is cancelled, the whole group gets SIGKILL (OpenOCD with
/// a frozen probe ignores SIGTERM). The child also dies with the agent, whatever ends that
/// (PDEATHSIG), so call this on a thread that lives as long as the agent.
/// Errors: kNotFound: no such program. kUnavailable: no process, no descriptors.
Awaitable<Result<ChildResult>> RunChild(ChildSpec spec, Deadline deadline);

}  // namespace tinyrig::agent
