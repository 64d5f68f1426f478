#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <tuple>

namespace tinyrig::server {

/// How often something took how long. Thread safe; costs some additions.
class Histogram {
 public:
  /// Upper bounds in seconds, rising; what is longer counts in the total only.
  using Bounds = std::array<double, 13>;
  static constexpr Bounds kMoments = {0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                      0.05,   0.1,    0.2,   0.5,   1,     5};
  /// From a free board to a queue of a week.
  static constexpr Bounds kWaits = {0.01, 0.1,  1,     5,     15,    60,    300,
                                    900,  3600, 14400, 43200, 86400, 604800};

  explicit Histogram(const Bounds& bounds = kMoments) : bounds_(bounds) {}

  const Bounds& bounds() const { return bounds_; }

  void Observe(double seconds) {
    for (size_t i = 0; i < bounds_.size(); ++i) {
      if (seconds <= bounds_[i]) {
        buckets_[i].fetch_add(1, std::memory_order_relaxed);
        break;
      }
    }
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_s_.fetch_add(seconds, std::memory_order_relaxed);
  }

  struct Totals {
    std::array<uint64_t, std::tuple_size_v<Bounds>> up_to{};  ///< Cumulative, by bound.
    uint64_t count = 0;
    double sum_s = 0;
  };
  Totals Read() const {
    Totals totals;
    uint64_t so_far = 0;
    for (size_t i = 0; i < bounds_.size(); ++i) {
      so_far += buckets_[i].load(std::memory_order_relaxed);
      totals.up_to[i] = so_far;
    }
    // An observation may be between its two additions: the total never says less than its parts.
    totals.count = std::max(count_.load(std::memory_order_relaxed), so_far);
    totals.sum_s = sum_s_.load(std::memory_order_relaxed);
    return totals;
  }

 private:
  const Bounds bounds_;
  std::array<std::atomic<uint64_t>, std::tuple_size_v<Bounds>> buckets_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<double> sum_s_{0};
};

}  // namespace tinyrig::server
