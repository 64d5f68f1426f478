#include "server/results/front.h"

#include <algorithm>
#include <numeric>

namespace tinyrig::server {

Interval IntervalOf(double value, double uncertainty) {
  return {value - kCoverage * uncertainty, value + kCoverage * uncertainty};
}

bool Dominates(const FrontPoint& a, const FrontPoint& b) {
  bool better = false;
  for (size_t axis = 0; axis < a.size(); ++axis) {
    if (a[axis].hi > b[axis].lo) return false;
    if (a[axis].hi < b[axis].lo) better = true;
  }
  return better;
}

std::vector<bool> FindFront(const std::vector<FrontPoint>& points) {
  // If a dominates b then a.hi <= b.hi on every axis and a.hi < b.hi on one: in this order a comes
  // first. And dominance is transitive, so that comparing with the front alone is enough.
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::lexicographical_compare(points[a].begin(), points[a].end(), points[b].begin(),
                                        points[b].end(),
                                        [](Interval x, Interval y) { return x.hi < y.hi; });
  });
  std::vector<bool> on_front(points.size(), false);
  std::vector<size_t> front;
  for (size_t candidate : order) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](size_t other) {
      return Dominates(points[other], points[candidate]);
    });
    if (dominated) continue;
    on_front[candidate] = true;
    front.push_back(candidate);
  }
  return on_front;
}

}  // namespace tinyrig::server
