#include <gmock/gmock.h>

#include "firmware/compiler/fusion/fusion_plan.h"
#include "firmware/compiler/fusion/notation.h"
#include "tests/unit/fusion/nets.h"
#include "tests/unit/fusion/plan_simulator.h"

namespace tinyrig::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FusionPlan PlanOf(const Chain& chain, const CostRules& rules, std::string_view text) {
  const auto phases = ParseBlocks(text, chain.size());
  EXPECT_TRUE(phases.ok()) << phases.status().message();
  PhaseList list;
  for (const auto& blocks : *phases) {
    EXPECT_TRUE(CheckPhase(chain, rules, blocks).ok())
        << CheckPhase(chain, rules, blocks).message();
    list.phases.push_back({blocks.front().first, blocks.back().last + 1, 0, 0, blocks});
  }
  return LayOut(chain, rules, list);
}

std::vector<int64_t> PhaseRam(const FusionPlan& plan) {
  std::vector<int64_t> ram;
  for (const PlannedPhase& phase : plan.phases) ram.push_back(phase.ram);
  return ram;
}

double Factor(const FusionPlan& plan) {
  return static_cast<double>(plan.macs) / static_cast<double>(plan.macs_unfused);
}

/// Block lists with the bytes of each phase, which another program ran byte-exactly in arenas of
/// that size.
TEST(LayOut, CostsWhatItCostElsewhere) {
  const CostRules rules = {.overlap = Overlap::kPixels};
  const FusionPlan small = PlanOf(
      MobileNetV2(), rules,
      "[0-6 ~ 7-9 ~ 10-12] [13-15h4] [16-18h4] [19-21h3] [22 ~ 23-24] [25 ~ 26-27] [28 ~ 29-30] "
      "[31-33h3] [34-36ch2] [37-39ch2] [40-42ch2] [43-45ch3] [46-48ch3] [49-52]");
  EXPECT_THAT(PhaseRam(small), ElementsAre(5792, 5819, 5819, 5632, 5896, 5896, 5896, 5610, 5415,
                                           5415, 5014, 5121, 5121, 5320));
  EXPECT_EQ(small.arena_bytes, 5896);
  EXPECT_NEAR(Factor(small), 1.405, 0.0005);

  const FusionPlan medium =
      PlanOf(MobileNetV2(), rules,
             "[0-6h4 ~ 7-9h3 ~ 10-12] [13 ~ 14-15] [16 ~ 17-18] [19 ~ 20-21] [22-24h9] [25-27h9] "
             "[28-30h9] "
             "[31-33h9] [34-36h5] [37-39h5] [40-42ch5] [43-45h5] [46-48h5] [49-52h5]");
  EXPECT_EQ(medium.arena_bytes, 8547);
  EXPECT_NEAR(Factor(medium), 1.088, 0.0005);

  const FusionPlan exact =
      PlanOf(MobileNetV2(), rules,
             "[0-1 ~ 2-4 ~ 5-6] [7 ~ 8-9] [10-12h18] [13-18h18] [19-27h9] [28-36h9] [37-42h5] "
             "[43-52h5]");
  EXPECT_EQ(exact.arena_bytes, 19'270);
  EXPECT_EQ(exact.macs, exact.macs_unfused);

  const FusionPlan vww = PlanOf(
      McuNetVww5(), rules,
      "[0-5h10] [6 ~ 7-8] [9 ~ 10-11] [12-14ch4] [15-17h10] [18 ~ 19-20] [21-23ch5] [24-26h5] "
      "[27-32h5] [33-35h3 ~ 36-38h3 ~ 39-44h3]");
  EXPECT_EQ(vww.arena_bytes, 10'616);
  EXPECT_NEAR(Factor(vww), 1.020, 0.0005);

  const FusionPlan least = PlanOf(
      McuNet320K(), rules,
      "[0-8 ~ 9-11c ~ 12-14 ~ 15-17] [18 ~ 19-20] [21 ~ 22-23] [24-26h11] [27-29ch11] [30-32h11] "
      "[33-35h11] [36 ~ 37-38] [39-41h11] [42-44h6 ~ 45-47ch6] [48-50h6 ~ 51-53h6]");
  EXPECT_EQ(least.arena_bytes, 26'968);
  EXPECT_NEAR(Factor(least), 1.849, 0.0005);

  const FusionPlan large = PlanOf(
      McuNet320K(), rules,
      "[0-8h4 ~ 9-11h4 ~ 12-14h2 ~ 15-17] [18 ~ 19-20] [21 ~ 22-24 ~ 25-26] [27-29h11] [30-35h11] "
      "[36-38h11] [39-41h11] [42 ~ 43-44 ~ 45-47ch6] [48-53h6]");
  EXPECT_EQ(large.arena_bytes, 34'912);
  EXPECT_NEAR(Factor(large), 1.258, 0.0005);
}

/// What a search says is what the places add up to, for random nets with residual sums everywhere.
TEST(LayOut, AgreesWithTheSearch) {
  int phases = 0;
  int several = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    const Chain chain = RandomChain(seed, 3 + static_cast<int32_t>(seed % 9));
    ASSERT_TRUE(CheckChain(chain).ok()) << seed << CheckChain(chain).message();
    for (const InputPlace input :
         {InputPlace::kElsewhere, InputPlace::kResident, InputPlace::kRows, InputPlace::kSlabs}) {
      const CostRules rules = {.overlap = seed % 2 == 0 ? Overlap::kRows : Overlap::kPixels,
                               .input = input,
                               .output = seed % 3 == 0   ? OutputPlace::kElsewhere
                                         : seed % 3 == 1 ? OutputPlace::kResident
                                                         : OutputPlace::kPooled,
                               .alignment = seed % 5 == 0 ? 4 : 1};
      int64_t least_macs = 0;
      for (const PhaseList& list : PlanFront(chain, rules, FamilyKind::kFull)) {
        int64_t peak = 0;
        const FusionPlan plan = LayOut(chain, rules, list);
        for (size_t i = 0; i < list.phases.size(); ++i) {
          SCOPED_TRACE(testing::Message()
                       << "seed " << seed << " " << ToString(list.phases[i].blocks));
          EXPECT_TRUE(CheckPhase(chain, rules, list.phases[i].blocks).ok());
          EXPECT_EQ(list.phases[i].ram, plan.phases[i].ram);
          EXPECT_EQ(list.phases[i].macs, plan.phases[i].macs);
          peak = std::max(peak, plan.phases[i].ram);
          ++phases;
          several += list.phases[i].blocks.size() > 1 ? 1 : 0;
        }
        EXPECT_EQ(list.ram, peak);
        EXPECT_EQ(list.macs, plan.macs);
        EXPECT_GT(list.macs, least_macs - 1);
        least_macs = list.macs + 1;
      }
    }
  }
  EXPECT_GT(phases, 500);
  EXPECT_GT(several, 50);
}

constexpr InputPlace kInputs[] = {InputPlace::kElsewhere, InputPlace::kResident, InputPlace::kRows,
                                  InputPlace::kSlabs};

/// Every access of every plan meets what it should, and MACs are counted as planned.
TEST(LayOut, KeepsEveryByteUntilItsTime) {
  int plans = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    const Chain chain = RandomChain(seed, 2 + static_cast<int32_t>(seed % 10));
    const CostRules rules = {.overlap = static_cast<Overlap>(seed % 3),
                             .input = kInputs[seed / 3 % 4],
                             .output = static_cast<OutputPlace>(seed / 12 % 3),
                             .alignment = seed % 5 == 0 ? 4 : 1};
    for (const PhaseList& list : PlanFront(chain, rules, FamilyKind::kFull)) {
      const FusionPlan plan = LayOut(chain, rules, list);
      PlanSimulator simulator(chain, rules, plan);
      SCOPED_TRACE(testing::Message() << "seed " << seed);
      ASSERT_EQ(simulator.Run(), "");
      ASSERT_EQ(simulator.macs(), plan.macs);
      ++plans;
    }
  }
  EXPECT_GT(plans, 600);
}

TEST(LayOut, KeepsEveryByteOfPublishedNets) {
  for (const auto& [chain, factor] : {std::pair{MobileNetV2(), 1.45}, {McuNetVww5(), 1.1}}) {
    for (const InputPlace input : kInputs) {
      const CostRules rules = {.overlap = Overlap::kPixels,
                               .input = input,
                               .output = OutputPlace::kPooled,
                               .alignment = 4};
      const auto limit = static_cast<int64_t>(factor * static_cast<double>(chain.Macs()));
      const auto list = PlanLeastRam(chain, rules, FamilyKind::kFull, limit);
      ASSERT_TRUE(list.has_value());
      const FusionPlan plan = LayOut(chain, rules, *list);
      PlanSimulator simulator(chain, rules, plan);
      EXPECT_EQ(simulator.Run(), "");
      EXPECT_EQ(simulator.macs(), plan.macs);
    }
  }
}

/// The simulator finds what it is there for: an input one byte lower is overwritten too early.
TEST(LayOut, HasNoByteTooMuchBetweenMaps) {
  int broken = 0;
  int tried = 0;
  const CostRules rules = {.overlap = Overlap::kPixels};
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    const Chain chain = RandomChain(seed, 2 + static_cast<int32_t>(seed % 6));
    const auto list = PlanLeastRam(chain, rules, FamilyKind::kOneRow, kNoLimit);
    FusionPlan plan = LayOut(chain, rules, *list);
    for (PlannedPhase& phase : plan.phases) {
      const bool kept = InputOutlives(chain, phase.begin, phase.end);
      for (ArenaPart& part : phase.parts) {
        if (part.kind != PartKind::kInput || part.offset == 0 || kept) continue;
        --part.offset;
        for (MapMove& move : phase.moves) {
          if (move.map == part.map) --move.to;
        }
        broken += PlanSimulator(chain, rules, plan).Run().empty() ? 0 : 1;
        ++tried;
        ++part.offset;
        for (MapMove& move : phase.moves) {
          if (move.map == part.map) ++move.to;
        }
      }
    }
  }
  EXPECT_GT(tried, 30);
  EXPECT_GT(broken, tried * 7 / 10);
}

TEST(ParseBlocks, ReadsWhatToStringWrites) {
  const std::string text = "[0-6h4 ~ 7-9h3 ~ 10-12] [13 ~ 14-15] [16-18ch2] [19] [20-22p4x5]";
  const auto phases = ParseBlocks(text, 23);
  ASSERT_TRUE(phases.ok()) << phases.status().message();
  EXPECT_EQ(ToString(*phases), text);
  EXPECT_EQ(ToString(*ParseBlocks("[0-6h4~7-9h3~10-12][13~14-15][16-18ch2][19][20-22p4x5]", 23)),
            text);
  EXPECT_EQ((*phases)[2][0], (FusedBlock{16, 18, 2, BlockMode::kChannels}));
}

TEST(ParseBlocks, NamesTheBlockThatIsWrong) {
  const auto message = [](std::string_view text) {
    const auto phases = ParseBlocks(text, 6, "operator 9 (SOFTMAX version 1)");
    return phases.ok() ? std::string("ok") : std::string(phases.status().message());
  };
  EXPECT_THAT(message("[0-2] [2-5]"), HasSubstr("block 2-5 overlaps"));
  EXPECT_THAT(message("[0-2] [4-5h2]"),
              HasSubstr("block 4-5h2 leaves a gap: layer 3 is in no block; put [3] before it"));
  EXPECT_THAT(message("[0-2] [2-5]"), HasSubstr("block 2-5 overlaps the one before it; begin it "
                                                "with layer 3"));
  EXPECT_THAT(
      message("[0-2] [3-6]"),
      HasSubstr("block 3-6 goes beyond the chain, whose last layer is 5: operator 9 (SOFTMAX "
                "version 1) follows and cannot be fused; end the list there"));
  EXPECT_THAT(message("[0-2] [4-3]"), HasSubstr("block 4-3 ends before"));
  EXPECT_THAT(message("[0-2]"), HasSubstr("ends at layer 2, the chain at layer 5; put [3-5]"));
  EXPECT_THAT(message("[0-2] x"), HasSubstr("'x' is not the beginning of a phase"));
  EXPECT_THAT(message("[0-2 ~ h]"), HasSubstr("'h]' is not a block of phase 1"));
  EXPECT_THAT(message("[0-1 2-3]"), HasSubstr("phase 1 is not closed after block 0-1"));
  EXPECT_THAT(message("[0-1 2]"), HasSubstr("phase 1 is not closed after block 0-1"));
  EXPECT_THAT(message("[0-2"), HasSubstr("phase 1 is not closed after block 0-2"));
  EXPECT_THAT(message("[99999999999]"), HasSubstr("is not a block"));
  EXPECT_THAT(message(""), HasSubstr("ends at layer -1"));
}

TEST(CheckPhase, NamesTheBlockThatCannotRun) {
  const Chain chain = MobileNetV2();
  const CostRules rules;
  const auto message = [&](std::string_view text) {
    const auto phases = ParseBlocks(text, chain.size());
    EXPECT_TRUE(phases.ok()) << phases.status().message();
    return CheckPhase(chain, rules, phases->front()).message();
  };
  EXPECT_THAT(message("[0-6c] [7-52]"), HasSubstr("block 0-6c cannot be sliced"));
  EXPECT_THAT(message("[0-6h37] [7-52]"),
              HasSubstr("block 0-6h37 has a height that is not in 1 to 36"));
  EXPECT_THAT(message("[0-6h0] [7-52]"), HasSubstr("block 0-6h0 has a height"));
  EXPECT_THAT(message("[0-6p9x9 ~ 7-52]"), HasSubstr("block 0-6p9x9 makes patches"));
}

}  // namespace
}  // namespace tinyrig::compiler
