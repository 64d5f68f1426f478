#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "firmware/compiler/fusion/fusion_plan.h"
#include "firmware/compiler/fusion/notation.h"
#include "tests/unit/fusion/nets.h"

/// The search against looking at everything, on nets small enough for that.
namespace tinyrig::compiler {
namespace {

using Points = std::vector<std::pair<int64_t, int64_t>>;

/// Every list of blocks of every height and mode, joined in every way.
class Everything {
 public:
  Everything(const Chain& chain, const CostRules& rules) : chain_(chain), rules_(rules) {
    AddBlocks(0);
  }

  int64_t plans() const { return plans_; }
  /// RAM falling.
  Points Front() const {
    Points front;
    int64_t least = INT64_MAX;
    for (const auto& [ram, macs] : points_) {
      if (macs >= least) continue;
      least = macs;
      front.emplace_back(ram, macs);
    }
    std::ranges::reverse(front);
    return front;
  }

 private:
  void AddBlocks(int32_t first) {
    if (first == chain_.size()) return AddPlan();
    for (int32_t last = first; last < chain_.size(); ++last) {
      for (int32_t height = 1; height <= chain_.Height(last + 1); ++height) {
        for (const BlockMode mode : {BlockMode::kColumns, BlockMode::kChannels}) {
          const FusedBlock block = {first, last, height, mode};
          phases_.push_back({block});
          AddBlocks(last + 1);
          phases_.pop_back();
          // Rings are fed by blocks of some heights only.
          if (phases_.empty() || !Feeds(phases_.back().back())) continue;
          phases_.back().push_back(block);
          AddBlocks(last + 1);
          phases_.back().pop_back();
        }
      }
    }
  }

  bool Feeds(const FusedBlock& block) const {
    const std::set<int32_t> heights = {1, 2, 3, 4, 6, 8};
    return heights.contains(block.height);
  }

  void AddPlan() {
    PhaseList list;
    for (const std::vector<FusedBlock>& blocks : phases_) {
      if (!CheckPhase(chain_, rules_, blocks).ok()) return;
      list.phases.push_back({blocks.front().first, blocks.back().last + 1, 0, 0, blocks});
    }
    const FusionPlan plan = LayOut(chain_, rules_, list);
    int64_t ram = 0;
    for (const PlannedPhase& phase : plan.phases) ram = std::max(ram, phase.ram);
    points_.emplace(ram, plan.macs);
    ++plans_;
  }

  const Chain& chain_;
  const CostRules& rules_;
  BlockPhases phases_;
  std::set<std::pair<int64_t, int64_t>> points_;
  int64_t plans_ = 0;
};

bool IsSmall(const Chain& chain, int32_t rows) {
  for (int32_t map = 1; map <= chain.size(); ++map) {
    if (chain.Height(map) > rows) return false;
  }
  return true;
}

TEST(PlanFront, IsWhatLookingAtEverythingFinds) {
  int nets = 0;
  int64_t plans = 0;
  for (uint32_t seed = 1; seed <= 1200 && nets < 60; ++seed) {
    const int32_t layers = 2 + static_cast<int32_t>(seed % 5);
    const Chain chain = RandomChain(seed, layers);
    if (!IsSmall(chain, layers < 4 ? 7 : layers < 5 ? 4 : 2)) continue;
    const CostRules rules = {.overlap = static_cast<Overlap>(seed % 3),
                             .input = static_cast<InputPlace>(seed / 3 % 4),
                             .output = static_cast<OutputPlace>(seed / 12 % 3),
                             .alignment = seed % 2 == 0 ? 4 : 1};
    const Everything everything(chain, rules);
    Points found;
    for (const PhaseList& list : PlanFront(chain, rules, FamilyKind::kFull)) {
      found.emplace_back(list.ram, list.macs);
    }
    // A resident input is planned with rings of one row at a time: no better than everything.
    if (rules.input == InputPlace::kResident) {
      for (const auto& [ram, macs] : found) {
        const Points front = everything.Front();
        EXPECT_TRUE(std::ranges::any_of(
            front, [&](const auto& p) { return p.first <= ram && p.second <= macs; }));
      }
    } else {
      EXPECT_EQ(everything.Front(), found) << "seed " << seed;
    }
    // Each point is what both single searches give for its limits.
    for (const auto& [ram, macs] : found) {
      const auto few = PlanFewestMacs(chain, rules, FamilyKind::kFull, ram);
      const auto small = PlanLeastRam(chain, rules, FamilyKind::kFull, macs);
      ASSERT_TRUE(few && small) << "seed " << seed;
      EXPECT_EQ(std::pair(few->ram, few->macs), std::pair(ram, macs)) << "seed " << seed;
      EXPECT_EQ(std::pair(small->ram, small->macs), std::pair(ram, macs)) << "seed " << seed;
    }
    ++nets;
    plans += everything.plans();
  }
  EXPECT_EQ(nets, 60);
  EXPECT_GT(plans, 20'000);
}

/// Pixels that a patch needs, marked one window after the other.
TEST(PatchMacs, AreThoseOfThePixelsNeeded) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    const Chain chain = RandomChain(seed, 3);
    const int32_t last = chain.size() - 1;
    const FusedBlock block = {.first = 0,
                              .last = last,
                              .height = 1 + static_cast<int32_t>(seed) % chain.Height(last + 1),
                              .mode = BlockMode::kPatch,
                              .width = 1 + static_cast<int32_t>(seed / 2) % chain.Width(last + 1)};
    int64_t macs = 0;
    for (int32_t top = 0; top < chain.Height(last + 1); top += block.height) {
      for (int32_t left = 0; left < chain.Width(last + 1); left += block.width) {
        std::set<std::pair<int32_t, int32_t>> needed;
        for (int32_t y = top; y < std::min(top + block.height, chain.Height(last + 1)); ++y) {
          for (int32_t x = left; x < std::min(left + block.width, chain.Width(last + 1)); ++x) {
            needed.emplace(y, x);
          }
        }
        for (int32_t l = last; l >= 0; --l) {
          const ChainLayer& layer = chain.layer(l);
          // A patch is a rectangle: what lies between windows is made with it.
          int32_t rows[2] = {INT32_MAX, -1};
          int32_t columns[2] = {INT32_MAX, -1};
          macs += layer.RowMacs() / layer.out_w * static_cast<int64_t>(needed.size());
          for (const auto& [y, x] : needed) {
            for (int32_t k = 0; k < layer.kernel_h; ++k) {
              const int32_t row = y * layer.stride_h - layer.pad_top + k;
              if (row < 0 || row >= layer.in_h) continue;
              rows[0] = std::min(rows[0], row);
              rows[1] = std::max(rows[1], row);
            }
            for (int32_t k = 0; k < layer.kernel_w; ++k) {
              const int32_t column = x * layer.stride_w - layer.pad_left + k;
              if (column < 0 || column >= layer.in_w) continue;
              columns[0] = std::min(columns[0], column);
              columns[1] = std::max(columns[1], column);
            }
          }
          needed.clear();
          for (int32_t y = rows[0]; y <= rows[1]; ++y) {
            for (int32_t x = columns[0]; x <= columns[1]; ++x) needed.emplace(y, x);
          }
        }
      }
    }
    EXPECT_EQ(BlockMacs(chain, block), macs) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tinyrig::compiler
