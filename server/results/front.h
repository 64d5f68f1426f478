#pragma once

#include <cstddef>
#include <span>
#include <vector>

/// Pareto fronts over measured values with uncertainty. Pure.
namespace tinyrig::server {

/// Where the true value lies: [lo, hi]; an exact value has lo == hi.
struct Interval {
  double lo = 0;
  double hi = 0;
  bool exact() const { return lo == hi; }
};

/// Coverage factor: an interval is value +- kCoverage * standard uncertainty (about 95 %).
inline constexpr double kCoverage = 2.0;
Interval IntervalOf(double value, double uncertainty);

/// A candidate: one interval an axis, turned so that smaller is better.
using FrontPoint = std::span<const Interval>;

/// The interval of an axis to maximise, turned round.
inline Interval Negated(Interval interval) { return {-interval.hi, -interval.lo}; }

/// Candidates with as many axes each, one after the other in one piece of memory.
class FrontPoints {
 public:
  explicit FrontPoints(size_t axes) : axes_(axes) {}
  /// REQUIRES: point.size() == axes(), no NaN.
  void Add(FrontPoint point) { values_.insert(values_.end(), point.begin(), point.end()); }
  size_t axes() const { return axes_; }
  size_t size() const { return axes_ == 0 ? 0 : values_.size() / axes_; }
  FrontPoint operator[](size_t i) const { return FrontPoint(values_).subspan(i * axes_, axes_); }

 private:
  size_t axes_;
  std::vector<Interval> values_;
};

/// True iff `a` is no worse on every axis (a.hi <= b.lo) and better on one (a.hi < b.lo). So
/// overlapping intervals never dominate, equal exact values are allowed as long as one axis
/// separates. REQUIRES: as many axes in both.
bool Dominates(FrontPoint a, FrontPoint b);

/// For every point whether it is on the front, that is, dominated by none. Equal points are all on
/// it. Up to 3 axes O(n log n), whatever the front; more axes O(n log n + n * front).
std::vector<bool> FindFront(const FrontPoints& points);

}  // namespace tinyrig::server
