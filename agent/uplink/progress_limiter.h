#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/instruments/async.h"

namespace tinyrig::agent {

/// Which steps of an attempt are told to the server: every new phase, every log line, the end of a
/// count, and of the rest one in `kPause`.
class ProgressLimiter {
 public:
  static constexpr std::chrono::milliseconds kPause{200};

  bool Pass(Clock::time_point now, const std::string& phase, uint32_t done, uint32_t total,
            bool has_log) {
    const bool counted_out = total > 0 && done >= total;
    if (phase == phase_ && !has_log && !counted_out && now - last_ < kPause) return false;
    phase_ = phase;
    last_ = now;
    return true;
  }

 private:
  std::string phase_;
  Clock::time_point last_{};
};

}  // namespace tinyrig::agent
