#include "server/scheduling/retry.h"

#include <fmt/format.h>

#include "proto/status/code.h"
#include "server/model/names.h"

namespace tinyrig::server {

NextStep DecideRetry(v1::FailureOwner owner, uint32_t failed_attempts, uint32_t max_attempts) {
  switch (owner) {
    case v1::FAILURE_OWNER_INFEASIBLE:
      return NextStep::kInfeasible;
    case v1::FAILURE_OWNER_VARIANT:
      return NextStep::kFailed;
    default:
      return failed_attempts < max_attempts ? NextStep::kRetry : NextStep::kFailed;
  }
}

bool IsHang(const v1::Attempt& attempt) {
  if (attempt.failure().owner() != v1::FAILURE_OWNER_BENCH ||
      attempt.failure().code() != static_cast<uint32_t>(Code::kDeadlineExceeded) ||
      attempt.timeline().empty()) {
    return false;
  }
  const std::string& last = attempt.timeline(attempt.timeline_size() - 1).name();
  return last == "stream" || last == "observe";
}

std::string EarlierHang(const v1::Job& job, const v1::Attempt& hang) {
  for (const v1::Attempt& earlier : job.attempts()) {
    if (earlier.attempt() < hang.attempt() && earlier.board_id() != hang.board_id() &&
        IsHang(earlier)) {
      return earlier.board_id();
    }
  }
  return {};
}

std::string FailedAttemptLine(uint32_t attempt, const std::string& board_id,
                              const v1::Failure& failure) {
  return fmt::format("attempt {} on {} ({}): {}", attempt, board_id, ToText(failure.owner()),
                     failure.message());
}

}  // namespace tinyrig::server
