#include "server/results/front.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

namespace tinyrig::server {
namespace {

/// The smallest of the values that were put at a place or before it (a Fenwick tree).
class PrefixMinimum {
 public:
  explicit PrefixMinimum(size_t places)
      : tree_(places + 1, std::numeric_limits<double>::infinity()) {}
  void Put(size_t place, double value) {
    for (size_t i = place + 1; i < tree_.size(); i += i & -i) tree_[i] = std::min(tree_[i], value);
  }
  /// Over the first `places`.
  double Of(size_t places) const {
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = places; i > 0; i -= i & -i) least = std::min(least, tree_[i]);
    return least;
  }

 private:
  std::vector<double> tree_;
};

/// One end of a point, missing axes as 0: the upper end asks whom it beats, the lower end who beats
/// it.
struct Corner {
  double at[3] = {0, 0, 0};
  uint32_t point = 0;
  bool upper = false;
};

std::vector<Corner> CornersOf(const FrontPoints& points) {
  std::vector<Corner> corners(2 * points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    Corner& lower = corners[2 * i];
    Corner& upper = corners[2 * i + 1];
    lower.point = upper.point = static_cast<uint32_t>(i);
    upper.upper = true;
    for (size_t axis = 0; axis < points.axes(); ++axis) {
      lower.at[axis] = points[i][axis].lo;
      upper.at[axis] = points[i][axis].hi;
    }
  }
  // a beats b iff upper(a) <= lower(b) on every axis and the two are not equal. Such an upper(a)
  // comes before lower(b) in the order of words in a dictionary; where they are equal, and nobody
  // beats anybody, the lower end comes first.
  std::sort(corners.begin(), corners.end(), [](const Corner& a, const Corner& b) {
    for (size_t axis = 0; axis < 3; ++axis) {
      if (a.at[axis] != b.at[axis]) return a.at[axis] < b.at[axis];
    }
    return a.upper < b.upper;
  });
  return corners;
}

/// Goes through the corners in order; who came before is no worse on the first axis. The tree tells
/// of those that are no worse on the second axis the best on the third.
std::vector<bool> SweepFront(const FrontPoints& points) {
  const std::vector<Corner> corners = CornersOf(points);
  std::vector<double> places;
  places.reserve(points.size());
  for (const Corner& corner : corners) {
    if (corner.upper) places.push_back(corner.at[1]);
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  PrefixMinimum best(places.size());
  std::vector<bool> on_front(points.size(), true);
  for (const Corner& corner : corners) {
    if (corner.upper) {
      // Whom a beaten point beats is beaten by its winner, too.
      if (!on_front[corner.point]) continue;
      const auto place = std::lower_bound(places.begin(), places.end(), corner.at[1]);
      best.Put(static_cast<size_t>(place - places.begin()), corner.at[2]);
    } else {
      const auto end = std::upper_bound(places.begin(), places.end(), corner.at[1]);
      if (best.Of(static_cast<size_t>(end - places.begin())) <= corner.at[2]) {
        on_front[corner.point] = false;
      }
    }
  }
  return on_front;
}

std::vector<bool> CompareWithFront(const FrontPoints& points) {
  // If a dominates b then a.hi <= b.hi on every axis and a.hi < b.hi on one: in this order a comes
  // first. And dominance is transitive, so that comparing with the front alone is enough.
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const FrontPoint left = points[a];
    const FrontPoint right = points[b];
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(),
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

}  // namespace

Interval IntervalOf(double value, double uncertainty) {
  return {value - kCoverage * uncertainty, value + kCoverage * uncertainty};
}

bool Dominates(FrontPoint a, FrontPoint b) {
  bool better = false;
  for (size_t axis = 0; axis < a.size(); ++axis) {
    if (a[axis].hi > b[axis].lo) return false;
    if (a[axis].hi < b[axis].lo) better = true;
  }
  return better;
}

std::vector<bool> FindFront(const FrontPoints& points) {
  return points.axes() <= 3 ? SweepFront(points) : CompareWithFront(points);
}

}  // namespace tinyrig::server
