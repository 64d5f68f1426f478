#include "firmware/compiler/memory_planner.h"

#include <gtest/gtest.h>

#include <random>

namespace tinyrig::compiler {
namespace {

constexpr uint64_t kAlignment = 8;

bool Overlap(const Lifetime& a, uint64_t offset_a, const Lifetime& b, uint64_t offset_b) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = offset_a < offset_b + b.bytes && offset_b < offset_a + a.bytes;
  return in_time && in_space;
}

void ExpectSound(const std::vector<Lifetime>& lives, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), lives.size());
  for (size_t a = 0; a < lives.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kAlignment, 0u);
    EXPECT_LE(plan.offsets[a] + lives[a].bytes, plan.bytes);
    for (size_t b = a + 1; b < lives.size(); ++b) {
      EXPECT_FALSE(Overlap(lives[a], plan.offsets[a], lives[b], plan.offsets[b]))
          << a << " and " << b;
    }
  }
  EXPECT_GE(plan.bytes, plan.lower_bound);
}

TEST(MemoryPlannerTest, NothingNeedsNothing) {
  const MemoryPlan plan = PlanMemory({}, kAlignment);
  EXPECT_EQ(plan.bytes, 0u);
  EXPECT_EQ(plan.lower_bound, 0u);
}

TEST(MemoryPlannerTest, ChainNeedsTwoNeighbours) {
  const std::vector<Lifetime> lives = {{100, 0, 0}, {801, 0, 1}, {400, 1, 2}, {960, 2, 3}};
  const MemoryPlan plan = PlanMemory(lives, kAlignment);
  ExpectSound(lives, plan);
  EXPECT_EQ(plan.lower_bound, 400u + 960u);
  EXPECT_EQ(plan.bytes, plan.lower_bound);
}

TEST(MemoryPlannerTest, FindsWhatGreedyBySizeMisses) {
  // By size alone, the two long buffers split the space that the last large one needs whole.
  const std::vector<Lifetime> lives = {{64, 0, 3},  {96, 0, 1}, {32, 1, 5},
                                       {128, 3, 5}, {64, 5, 6}, {160, 6, 7}};
  const MemoryPlan plan = PlanMemory(lives, kAlignment);
  ExpectSound(lives, plan);
  EXPECT_EQ(plan.bytes, plan.lower_bound);
}

TEST(MemoryPlannerTest, RandomGraphsNeverOverlapAndStayNearTheBound) {
  std::mt19937 random(7);
  double excess = 0;
  constexpr int kGraphs = 200;
  for (int graph = 0; graph < kGraphs; ++graph) {
    std::vector<Lifetime> lives(1 + random() % 40);
    for (Lifetime& life : lives) {
      life.bytes = 1 + random() % 5000;
      life.first = random() % 30;
      life.last = life.first + random() % 6;
    }
    const MemoryPlan plan = PlanMemory(lives, kAlignment);
    ExpectSound(lives, plan);
    excess += static_cast<double>(plan.bytes) / static_cast<double>(plan.lower_bound) - 1;
  }
  EXPECT_LT(excess / kGraphs, 0.01);
}

TEST(MemoryPlannerTest, IsDeterministic) {
  std::mt19937 random(3);
  std::vector<Lifetime> lives(30);
  for (Lifetime& life : lives) life = {1 + random() % 999, static_cast<uint32_t>(random() % 9), 9};
  EXPECT_EQ(PlanMemory(lives, kAlignment).offsets, PlanMemory(lives, kAlignment).offsets);
}

}  // namespace
}  // namespace tinyrig::compiler
