#include "server/scheduling/retry.h"

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

v1::BoardHealth NextHealth(v1::BoardHealth health, v1::FailureOwner owner_or_none) {
  if (health == v1::BOARD_HEALTH_QUARANTINED) return health;
  switch (owner_or_none) {
    case v1::FAILURE_OWNER_UNSPECIFIED:
      return v1::BOARD_HEALTH_GOOD;
    case v1::FAILURE_OWNER_BENCH:
      return v1::BOARD_HEALTH_SUSPECT;
    default:
      return health;
  }
}

}  // namespace tinyrig::server
