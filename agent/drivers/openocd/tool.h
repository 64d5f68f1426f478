#pragma once

#include <string>

#include "agent/drivers/openocd/commands.h"
#include "agent/instruments/async.h"
#include "proto/status/status.h"

namespace tinyrig::agent::openocd {

/// Runs scripts in OpenOCD. One at a time.
class Tool {
 public:
  virtual ~Tool() = default;
  /// What OpenOCD logged while it ran a script that reached its end (kDoneMarker).
  /// Errors: as Classify() says; kDeadlineExceeded: it did not end in time and was killed.
  virtual Awaitable<Result<std::string>> Run(Script script, Deadline deadline) = 0;
  /// Lets go of the adapter until the next call.
  virtual void Release() {}
};

}  // namespace tinyrig::agent::openocd
