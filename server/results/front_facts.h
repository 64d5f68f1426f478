#pragma once

#include <optional>
#include <vector>

#include "server/results/front.h"

namespace tinyrig::server {

/// What a front looks like; points by their place among the candidates.
struct FrontFacts {
  /// Points of the front that no measurement tells apart: exact and equal on every axis. In order.
  std::vector<std::vector<size_t>> ties;
  /// The point with the smallest sum of its axes, each scaled to its range on the front. With two
  /// axes it is the one furthest below the line between the ends of the front, and there is none
  /// where no point lies below. None with fewer than three different points.
  std::optional<size_t> knee;
  /// Share of the box between the best and the worst value of each axis (over all candidates) that
  /// the front dominates, by the middle of the intervals. None where all candidates are equal on an
  /// axis, and with more than three axes where it would take long (front^(axes - 2) > 10^7).
  std::optional<double> hypervolume;
};

/// `on_front` is what FindFront() gave for the points. Exact in up to three axes: O(n log n).
FrontFacts DescribeFront(const FrontPoints& points, const std::vector<bool>& on_front);

}  // namespace tinyrig::server
