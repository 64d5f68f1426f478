#pragma once

#include "agent/instruments/async.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// Turns a board's supply on and off. Calls are idempotent; a driver returns when the state holds.
/// Errors of all: kUnavailable: the switch cannot be reached. kDeadlineExceeded.
class PowerSwitch {
 public:
  virtual ~PowerSwitch() = default;
  virtual Awaitable<Status> On(Deadline deadline) = 0;
  virtual Awaitable<Status> Off(Deadline deadline) = 0;
  /// Off, long enough for RAM to be lost, and on.
  virtual Awaitable<Status> Cycle(Deadline deadline) = 0;
};

}  // namespace tinyrig::agent
