#pragma once

#include <string>
#include <vector>

#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/results/front.h"

namespace tinyrig::server {

/// One axis of a front.
struct GoalAxis {
  std::string metric;
  bool maximize = false;

  /// Turned so that smaller is better.
  Interval IntervalOf(double value, double uncertainty) const {
    const Interval interval = tinyrig::server::IntervalOf(value, uncertainty);
    return maximize ? Negated(interval) : interval;
  }
};

/// What to minimise, then what to maximise; for goals that name nothing: quick and small, by what
/// every board type has (latency_us_p50, flash_model_bytes).
std::vector<GoalAxis> AxesOf(const v1::Goals& goals);

}  // namespace tinyrig::server
