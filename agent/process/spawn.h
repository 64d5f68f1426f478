#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::agent {

/// A child and its process group. The destructor kills and reaps.
class Spawned {
 public:
  explicit Spawned(pid_t pid) : pid_(pid) {}
  Spawned(Spawned&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Spawned& operator=(Spawned&&) = delete;
  ~Spawned() {
    if (pid_ > 0) Reap();
  }

  pid_t pid() const { return pid_; }
  /// SIGKILL to what is left of the group, then the child's wait status. To be called once.
  int Reap();

 private:
  pid_t pid_;
};

/// Starts a program in its own process group, with `in`, `out` and `err` (which stay the caller's)
/// as its standard descriptors, no other descriptor and no environment but the one given. argv[0]
/// without a slash is looked for in /usr/local/bin, /usr/bin and /bin. The child dies with the
/// calling thread (PDEATHSIG), so call this on one that lives as long as the agent.
/// Errors: kNotFound: no such program. kUnavailable: no process, cannot be executed.
Result<Spawned> Spawn(std::vector<std::string> argv,
                      const std::map<std::string, std::string>& environment, int in, int out,
                      int err);

}  // namespace tinyrig::agent
