#pragma once

#include <cstdint>

#include "proto/tinyrig/v1/types.pb.h"

namespace tinyrig::server {

/// What happens to a job after an attempt failed.
enum class NextStep : uint8_t {
  kRetry,       ///< Back to the queue, elsewhere if possible.
  kFailed,      ///< The failure is the job's result.
  kInfeasible,  ///< So is this, without blame for anybody.
};

/// The owner of the failure decides: bench and service are retried until `max_attempts` attempts
/// have failed in these ways, variant and infeasible never. `failed_attempts` counts this one. An
/// owner that is not known (a later version's) is treated as service.
NextStep DecideRetry(v1::FailureOwner owner, uint32_t failed_attempts, uint32_t max_attempts);

/// Health after a result: only bench failures make a board suspect, a success makes it good again.
v1::BoardHealth NextHealth(v1::BoardHealth health, v1::FailureOwner owner_or_none);

}  // namespace tinyrig::server
