#include "firmware/compiler/fusion/budget.h"

#include <algorithm>

namespace tinyrig::compiler {

CostFront::CostFront(std::vector<CostPoint> points) {
  std::ranges::sort(points, [](const CostPoint& a, const CostPoint& b) {
    return a.ram != b.ram ? a.ram < b.ram : a.excess < b.excess;
  });
  for (const CostPoint& point : points) {
    if (points_.empty() || point.excess < points_.back().excess) points_.push_back(point);
  }
}

int64_t CostFront::Excess(int64_t ram) const {
  const auto above = std::ranges::upper_bound(points_, ram, {}, &CostPoint::ram);
  return above == points_.begin() ? kUnreachable : std::prev(above)->excess;
}

Budget::Budget(const CostFront& wanted, int64_t ram_limit, int64_t excess_limit, int64_t floor,
               const CostFront& rest)
    : ram_limit_(ram_limit), floor_(floor) {
  std::vector<int64_t> rams;
  for (const CostFront* front : {&wanted, &rest}) {
    for (const CostPoint& point : front->points()) {
      if (point.ram <= ram_limit) rams.push_back(point.ram);
    }
  }
  std::ranges::sort(rams);
  rams.erase(std::unique(rams.begin(), rams.end()), rams.end());
  int64_t most = -1;
  for (size_t i = rams.size(); i-- > 0;) {
    const int64_t needed = rest.Excess(rams[i]);
    if (needed != CostFront::kUnreachable) {
      most = std::max(most, std::min(excess_limit, wanted.Excess(rams[i])) - needed);
    }
    steps_.push_back({rams[i], most});
  }
  std::ranges::reverse(steps_);
}

int64_t Budget::Most(int64_t ram) const {
  if (ram > ram_limit_ || steps_.empty()) return -1;
  const auto above = std::ranges::upper_bound(steps_, std::max(ram, floor_), {}, &Step::ram);
  return (above == steps_.begin() ? above : std::prev(above))->excess;
}

}  // namespace tinyrig::compiler
