#include "firmware/compiler/memory_planner.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace tinyrig::compiler {
namespace {

using Order = std::vector<size_t>;

bool Meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

/// Puts buffers, in the given order, at the lowest place free during their life.
class Placer {
 public:
  explicit Placer(const std::vector<Lifetime>& lifetimes) : lifetimes_(lifetimes) {
    neighbours_.resize(lifetimes.size());
    for (size_t a = 0; a < lifetimes.size(); ++a) {
      for (size_t b = 0; b < lifetimes.size(); ++b) {
        if (a != b && Meet(lifetimes[a], lifetimes[b])) neighbours_[a].push_back(b);
      }
    }
  }

  MemoryPlan Place(const Order& order) const {
    MemoryPlan plan;
    plan.offsets.assign(lifetimes_.size(), 0);
    std::vector<bool> placed(lifetimes_.size());
    std::vector<std::pair<uint64_t, uint64_t>> taken;
    for (size_t index : order) {
      taken.clear();
      for (size_t other : neighbours_[index]) {
        if (placed[other]) {
          taken.emplace_back(plan.offsets[other], plan.offsets[other] + lifetimes_[other].bytes);
        }
      }
      std::sort(taken.begin(), taken.end());
      uint64_t offset = 0;
      for (const auto& [begin, end] : taken) {
        if (begin >= offset + lifetimes_[index].bytes) break;
        offset = std::max(offset, end);
      }
      plan.offsets[index] = offset;
      placed[index] = true;
      plan.bytes = std::max(plan.bytes, offset + lifetimes_[index].bytes);
    }
    return plan;
  }

 private:
  const std::vector<Lifetime>& lifetimes_;
  std::vector<std::vector<size_t>> neighbours_;
};

uint64_t LowerBound(const std::vector<Lifetime>& lifetimes) {
  uint64_t bound = 0;
  // The sum only grows at a step where something begins.
  for (const Lifetime& at : lifetimes) {
    uint64_t sum = 0;
    for (const Lifetime& other : lifetimes) {
      if (other.first <= at.first && at.first <= other.last) sum += other.bytes;
    }
    bound = std::max(bound, sum);
  }
  return bound;
}

std::vector<Order> StartingOrders(const std::vector<Lifetime>& lifetimes) {
  const auto sorted = [&](auto key) {
    Order order(lifetimes.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return key(lifetimes[a]) > key(lifetimes[b]); });
    return order;
  };
  const auto length = [](const Lifetime& life) { return uint64_t{life.last} - life.first + 1; };
  return {sorted([](const Lifetime& life) { return life.bytes; }),
          sorted([&](const Lifetime& life) { return life.bytes * length(life); }),
          sorted([&](const Lifetime& life) { return length(life); }),
          sorted([](const Lifetime& life) { return UINT32_MAX - life.first; })};
}

}  // namespace

MemoryPlan PlanMemory(const std::vector<Lifetime>& lifetimes, uint64_t alignment) {
  std::vector<Lifetime> aligned = lifetimes;
  for (Lifetime& life : aligned) life.bytes = (life.bytes + alignment - 1) / alignment * alignment;
  const uint64_t bound = LowerBound(aligned);
  const Placer placer(aligned);

  Order best_order;
  MemoryPlan best;
  best.bytes = UINT64_MAX;
  for (Order& order : StartingOrders(aligned)) {
    MemoryPlan plan = placer.Place(order);
    if (plan.bytes < best.bytes) {
      best = std::move(plan);
      best_order = std::move(order);
    }
  }
  // Bounded work: a trial looks at pairs of buffers.
  constexpr uint64_t kMaxTrials = 2000;
  constexpr uint64_t kMaxPairs = 400'000'000;
  const uint64_t pairs = std::max<uint64_t>(1, aligned.size() * aligned.size());
  const uint64_t trials = std::min(kMaxTrials, kMaxPairs / pairs);
  std::minstd_rand random(1);
  for (uint64_t trial = 0; trial < trials && best.bytes > bound && aligned.size() > 1; ++trial) {
    Order order = best_order;
    // Moving one buffer earlier changes more than a swap of equals; both are reached by a rotation.
    const size_t from = random() % order.size();
    const size_t to = random() % order.size();
    const auto begin = order.begin();
    if (from < to) {
      std::rotate(begin + from, begin + from + 1, begin + to + 1);
    } else {
      std::rotate(begin + to, begin + from, begin + from + 1);
    }
    MemoryPlan plan = placer.Place(order);
    // Equal is taken too: it lets the search cross plateaus.
    if (plan.bytes <= best.bytes) {
      best = std::move(plan);
      best_order = std::move(order);
    }
  }
  best.lower_bound = bound;
  return best;
}

}  // namespace tinyrig::compiler
