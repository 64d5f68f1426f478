#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <string>

#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// One try of a job: v1::AttemptKey as a value that can be compared. Fences rise over all leases of
/// a server.
struct LeaseKey {
  uint64_t job = 0;
  uint32_t attempt = 0;
  uint64_t fence = 0;

  friend auto operator<=>(const LeaseKey&, const LeaseKey&) = default;

  static LeaseKey Of(const v1::AttemptKey& key) {
    return {key.job_id(), key.attempt(), key.fence()};
  }
  v1::AttemptKey ToProto() const {
    v1::AttemptKey key;
    key.set_job_id(job);
    key.set_attempt(attempt);
    key.set_fence(fence);
    return key;
  }
  /// For people: "job 4 attempt 1".
  std::string Text() const { return fmt::format("job {} attempt {}", job, attempt); }
};

}  // namespace tinyrig::agent
