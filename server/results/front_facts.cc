#include "server/results/front_facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace tinyrig::server {
namespace {

double Middle(Interval interval) { return interval.lo + (interval.hi - interval.lo) / 2; }

/// Of one axis, over some of the points.
struct Range {
  double best = std::numeric_limits<double>::infinity();
  double worst = -std::numeric_limits<double>::infinity();
  void Cover(double value) {
    best = std::min(best, value);
    worst = std::max(worst, value);
  }
  double width() const { return worst - best; }
  /// 0: the best; 1: the worst.
  double Scaled(double value) const { return width() > 0 ? (value - best) / width() : 0; }
};

std::vector<Range> RangesOf(const FrontPoints& points, const std::vector<bool>* only) {
  std::vector<Range> ranges(points.axes());
  for (size_t i = 0; i < points.size(); ++i) {
    if (only != nullptr && !(*only)[i]) continue;
    for (size_t axis = 0; axis < ranges.size(); ++axis) ranges[axis].Cover(Middle(points[i][axis]));
  }
  return ranges;
}

std::vector<std::vector<size_t>> FindTies(const FrontPoints& points,
                                          const std::vector<size_t>& front) {
  std::map<std::vector<double>, std::vector<size_t>> equal;
  for (const size_t i : front) {
    const FrontPoint point = points[i];
    if (!std::ranges::all_of(point, &Interval::exact)) continue;
    std::vector<double> key;
    for (const Interval& interval : point) key.push_back(interval.lo);
    equal[std::move(key)].push_back(i);
  }
  std::vector<std::vector<size_t>> ties;
  for (auto& [key, tie] : equal) {
    if (tie.size() > 1) ties.push_back(std::move(tie));
  }
  std::ranges::sort(ties);
  return ties;
}

std::optional<size_t> FindKnee(const FrontPoints& points, const std::vector<size_t>& front,
                               const std::vector<Range>& ranges) {
  std::map<std::vector<double>, size_t> different;
  std::optional<size_t> knee;
  // The ends of a front over two axes have the sum 1.
  double least = points.axes() == 2 ? 1 - 1e-12 : std::numeric_limits<double>::infinity();
  for (const size_t i : front) {
    double sum = 0;
    std::vector<double> key;
    for (size_t axis = 0; axis < ranges.size(); ++axis) {
      key.push_back(Middle(points[i][axis]));
      sum += ranges[axis].Scaled(key.back());
    }
    if (different.size() < 3) different.emplace(std::move(key), i);
    if (sum >= least) continue;
    least = sum;
    knee = i;
  }
  if (points.axes() < 2 || different.size() < 3) return std::nullopt;
  return knee;
}

using Scaled = std::vector<double>;

/// What the points dominate of the unit square, kept while points are added.
class Staircase {
 public:
  double area() const { return area_; }
  void Add(double x, double y) {
    auto next = steps_.upper_bound(x);
    double ceiling = next == steps_.begin() ? 1 : std::prev(next)->second;
    if (ceiling <= y) return;
    // From x to the right everything above y is new, up to the steps that are there.
    double from = x;
    while (next != steps_.end() && next->second >= y) {
      area_ += (next->first - from) * (ceiling - y);
      from = next->first;
      ceiling = next->second;
      next = steps_.erase(next);
    }
    area_ += ((next == steps_.end() ? 1 : next->first) - from) * (ceiling - y);
    steps_[x] = y;
  }

 private:
  std::map<double, double> steps_;  // x -> y; y falls.
  double area_ = 0;
};

/// Of the unit cube in the first `axes` (at least 3) of the points, which are between 0 and 1.
double Volume(std::vector<const Scaled*> points, size_t axes) {
  const size_t last = axes - 1;
  std::ranges::sort(points, {}, [last](const Scaled* p) { return (*p)[last]; });
  double volume = 0;
  Staircase stairs;
  for (size_t i = 0; i < points.size(); ++i) {
    const double end = i + 1 < points.size() ? (*points[i + 1])[last] : 1;
    const double depth = end - (*points[i])[last];
    if (axes == 3) {
      stairs.Add((*points[i])[0], (*points[i])[1]);
      volume += stairs.area() * depth;
    } else if (depth > 0) {
      volume += depth * Volume({points.begin(), points.begin() + static_cast<long>(i) + 1}, last);
    }
  }
  return volume;
}

std::optional<double> Hypervolume(const FrontPoints& points, const std::vector<size_t>& front) {
  const size_t axes = points.axes();
  if (axes > 3 && std::pow(static_cast<double>(front.size()), axes - 2) > 1e7) return std::nullopt;
  const std::vector<Range> ranges = RangesOf(points, nullptr);
  for (const Range& range : ranges) {
    if (!(range.width() > 0)) return std::nullopt;
  }
  std::vector<Scaled> scaled;
  std::vector<const Scaled*> list;
  scaled.reserve(front.size());
  for (const size_t i : front) {
    Scaled& point = scaled.emplace_back(std::max<size_t>(axes, 3), 0.0);
    for (size_t axis = 0; axis < axes; ++axis) {
      point[axis] = ranges[axis].Scaled(Middle(points[i][axis]));
    }
    list.push_back(&point);
  }
  return Volume(std::move(list), std::max<size_t>(axes, 3));
}

}  // namespace

FrontFacts DescribeFront(const FrontPoints& points, const std::vector<bool>& on_front) {
  std::vector<size_t> front;
  for (size_t i = 0; i < points.size(); ++i) {
    if (on_front[i]) front.push_back(i);
  }
  FrontFacts facts;
  if (front.empty()) return facts;
  facts.ties = FindTies(points, front);
  facts.knee = FindKnee(points, front, RangesOf(points, &on_front));
  facts.hypervolume = Hypervolume(points, front);
  return facts;
}

}  // namespace tinyrig::server
