#pragma once

#include <chrono>

#include "server/model/ids.h"

namespace tinyrig::server {

/// Wall-clock time that never jumps: the wall clock at the start plus what a steady clock has
/// counted since. Somebody who sets the host's clock ends no lease.
class Clock {
 public:
  TimeUs Now() const {
    const auto elapsed = std::chrono::steady_clock::now() - steady_start_;
    return wall_start_us_ + std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
  }
  /// As if so much time had passed.
  void AdvanceForTest(TimeUs by) { wall_start_us_ += by; }

 private:
  std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
  TimeUs wall_start_us_ = std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
};

}  // namespace tinyrig::server
