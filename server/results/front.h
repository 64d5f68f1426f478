#pragma once

#include <cstddef>
#include <vector>

/// Pareto fronts over measured values with uncertainty. Pure.
namespace tinyrig::server {

/// Where the true value lies: [lo, hi]; an exact value has lo == hi.
struct Interval {
  double lo = 0;
  double hi = 0;
};

/// Coverage factor: an interval is value +- kCoverage * standard uncertainty (about 95 %).
inline constexpr double kCoverage = 2.0;
Interval IntervalOf(double value, double uncertainty);

/// A candidate: one interval an axis, turned so that smaller is better.
using FrontPoint = std::vector<Interval>;

/// The interval of an axis to maximise, turned round.
inline Interval Negated(Interval interval) { return {-interval.hi, -interval.lo}; }

/// True iff `a` is no worse on every axis (a.hi <= b.lo) and better on one (a.hi < b.lo). So
/// overlapping intervals never dominate, equal exact values are allowed as long as one axis
/// separates. REQUIRES: as many axes in both.
bool Dominates(const FrontPoint& a, const FrontPoint& b);

/// For every point whether it is on the front, that is, dominated by none. Equal points are all on
/// it. O(n log n + n * front). REQUIRES: as many axes in all.
std::vector<bool> FindFront(const std::vector<FrontPoint>& points);

}  // namespace tinyrig::server
