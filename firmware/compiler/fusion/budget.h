#pragma once

#include <cstdint>
#include <vector>

/// What a search may still spend. Plans are points of peak RAM and of excess: MACs beyond those
/// that every plan has (NeededMacs()), never negative.
namespace tinyrig::compiler {

struct CostPoint {
  int64_t ram = 0;
  int64_t excess = 0;
  bool operator==(const CostPoint&) const = default;
};

/// Points that no other beats, RAM rising, excess falling.
class CostFront {
 public:
  CostFront() = default;
  /// Of any points.
  explicit CostFront(std::vector<CostPoint> points);

  const std::vector<CostPoint>& points() const { return points_; }
  /// Least excess with no more RAM than this; kUnreachable when no point has so little.
  int64_t Excess(int64_t ram) const;

  static constexpr int64_t kUnreachable = INT64_MAX / 4;

 private:
  std::vector<CostPoint> points_;
};

/// How much excess a part of a plan may have when it needs at least some RAM and the rest of the
/// plan has a known front: more cannot reach what is `wanted`.
class Budget {
 public:
  /// `wanted`: a plan is of use when, for some RAM up to `ram_limit`, its excess is no more than
  /// the front's there; below the front's first point up to `excess_limit`. No plan needs less RAM
  /// than `floor`.
  Budget(const CostFront& wanted, int64_t ram_limit, int64_t excess_limit, int64_t floor,
         const CostFront& rest);

  bool Allows(int64_t ram, int64_t excess) const { return excess <= Most(ram); }
  /// The most excess for a part that needs at least so much RAM; negative when none will do.
  int64_t Most(int64_t ram) const;

 private:
  struct Step {
    int64_t ram;
    int64_t excess;  ///< The most allowed from this RAM on.
  };
  int64_t ram_limit_;
  int64_t floor_;
  std::vector<Step> steps_;  ///< RAM rising, excess falling.
};

}  // namespace tinyrig::compiler
