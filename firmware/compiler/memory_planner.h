#pragma once

#include <cstdint>
#include <vector>

/// Places in the arena for everything that lives there, so that nothing overlaps while both are
/// needed.
namespace tinyrig::compiler {

/// `bytes` needed from step `first` to step `last`, both included.
struct Lifetime {
  uint64_t bytes = 0;
  uint32_t first = 0;
  uint32_t last = 0;
};

struct MemoryPlan {
  std::vector<uint64_t> offsets;  ///< One a lifetime, multiples of the alignment.
  uint64_t bytes = 0;             ///< End of the highest buffer.
  uint64_t lower_bound = 0;       ///< No plan can be smaller: the most that lives at one step.
};

/// Greedy placements in several orders, the best one improved by swaps until the lower bound is met
/// or a fixed number of trials is used up; so the same input always gives the same plan. Sizes
/// count rounded up to `alignment`. Cost: n^2 a trial; a few milliseconds for 200 buffers.
MemoryPlan PlanMemory(const std::vector<Lifetime>& lifetimes, uint64_t alignment);

}  // namespace tinyrig::compiler
