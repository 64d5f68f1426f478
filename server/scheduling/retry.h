#pragma once

#include <cstdint>
#include <string>

#include "proto/tinyrig/v1/jobs.pb.h"
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

/// A hang is a bench failure by timeout while vectors were streamed: seen once, board and link may
/// be to blame.
bool IsHang(const v1::Attempt& attempt);

/// Another board that hung on the same job before, empty when none did. Then it is not the board:
/// the failure becomes the variant's.
std::string EarlierHang(const v1::Job& job, const v1::Attempt& hang);

/// How an attempt failed, a line: evidence of its job's failure when a later one was final.
std::string FailedAttemptLine(uint32_t attempt, const std::string& board_id,
                              const v1::Failure& failure);

}  // namespace tinyrig::server
