#pragma once

#include <algorithm>
#include <chrono>

namespace tinyrig::agent {

/// Waiting times between tries: 0.2 s, doubled each time, up to 5 s.
class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{200};
  static constexpr std::chrono::milliseconds kLast{5000};

  std::chrono::milliseconds Next() {
    const std::chrono::milliseconds now = next_;
    next_ = std::min(next_ * 2, kLast);
    return now;
  }
  void Reset() { next_ = kFirst; }

 private:
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace tinyrig::agent
