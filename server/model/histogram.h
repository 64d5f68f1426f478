#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace tinyrig::server {

/// How often something took how long. Thread safe; costs some additions.
class Histogram {
 public:
  /// Upper bounds in seconds; what is longer counts in the total only.
  static constexpr std::array<double, 13> kBounds = {
      0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5};

  void Observe(double seconds) {
    for (size_t i = 0; i < kBounds.size(); ++i) {
      if (seconds <= kBounds[i]) {
        buckets_[i].fetch_add(1, std::memory_order_relaxed);
        break;
      }
    }
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(seconds * 1e9), std::memory_order_relaxed);
  }

  struct Totals {
    std::array<uint64_t, kBounds.size()> up_to{};  ///< Cumulative, by bound.
    uint64_t count = 0;
    double sum_s = 0;
  };
  Totals Read() const {
    Totals totals;
    uint64_t so_far = 0;
    for (size_t i = 0; i < kBounds.size(); ++i) {
      so_far += buckets_[i].load(std::memory_order_relaxed);
      totals.up_to[i] = so_far;
    }
    // An observation may be between its two additions: the total never says less than its parts.
    totals.count = std::max(count_.load(std::memory_order_relaxed), so_far);
    totals.sum_s = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9;
    return totals;
  }

 private:
  std::array<std::atomic<uint64_t>, kBounds.size()> buckets_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> sum_ns_{0};
};

}  // namespace tinyrig::server
