#include "server/scheduling/health.h"

#include <gtest/gtest.h>

namespace tinyrig::server {
namespace {

constexpr bool kCanRefer = true;

const BoardCondition kGood;
const BoardCondition kSuspect{v1::BOARD_HEALTH_SUSPECT, "probe lost", true};
const BoardCondition kQuarantined{v1::BOARD_HEALTH_QUARANTINED, "it failed", true};

AttemptVerdict Ordinary(v1::FailureOwner owner) { return {owner, "probe lost", false, true}; }
AttemptVerdict Reference(v1::FailureOwner owner, bool final = true) {
  return {owner, "it failed", true, final};
}

TEST(NextCondition, OnlyBenchFailuresMakeAGoodBoardSuspect) {
  EXPECT_EQ(NextCondition(kGood, Ordinary(v1::FAILURE_OWNER_BENCH), kCanRefer), kSuspect);
  for (const auto owner : {v1::FAILURE_OWNER_UNSPECIFIED, v1::FAILURE_OWNER_VARIANT,
                           v1::FAILURE_OWNER_SERVICE, v1::FAILURE_OWNER_INFEASIBLE}) {
    EXPECT_EQ(NextCondition(kGood, Ordinary(owner), kCanRefer), kGood);
  }
}

TEST(NextCondition, OrdinaryJobsDecideNothingElse) {
  for (const auto owner : {v1::FAILURE_OWNER_UNSPECIFIED, v1::FAILURE_OWNER_BENCH,
                           v1::FAILURE_OWNER_VARIANT, v1::FAILURE_OWNER_SERVICE}) {
    EXPECT_EQ(NextCondition(kSuspect, Ordinary(owner), kCanRefer), kSuspect);
    EXPECT_EQ(NextCondition(kQuarantined, Ordinary(owner), kCanRefer), kQuarantined);
  }
}

TEST(NextCondition, WithoutReferenceJobASuccessIsEnough) {
  const BoardCondition again =
      NextCondition(kSuspect, Ordinary(v1::FAILURE_OWNER_UNSPECIFIED), !kCanRefer);
  EXPECT_EQ(again.health, v1::BOARD_HEALTH_GOOD);
  EXPECT_EQ(again.reason, "");
  EXPECT_TRUE(again.ever_suspect);
  EXPECT_EQ(NextCondition(kSuspect, Ordinary(v1::FAILURE_OWNER_BENCH), !kCanRefer), kSuspect);
}

TEST(NextCondition, AReferenceJobDecides) {
  for (const BoardCondition& before : {kSuspect, kQuarantined}) {
    const BoardCondition good =
        NextCondition(before, Reference(v1::FAILURE_OWNER_UNSPECIFIED), kCanRefer);
    EXPECT_EQ(good.health, v1::BOARD_HEALTH_GOOD);
    EXPECT_TRUE(good.ever_suspect);  // It never teaches.
    EXPECT_EQ(NextCondition(before, Reference(v1::FAILURE_OWNER_SERVICE), kCanRefer), before);
    EXPECT_EQ(NextCondition(before, Reference(v1::FAILURE_OWNER_BENCH, false), kCanRefer), before);
  }
  // Its model is known to work: a variant failure is the board's.
  for (const auto owner : {v1::FAILURE_OWNER_BENCH, v1::FAILURE_OWNER_VARIANT}) {
    const BoardCondition bad = NextCondition(kSuspect, Reference(owner), kCanRefer);
    EXPECT_EQ(bad.health, v1::BOARD_HEALTH_QUARANTINED);
    EXPECT_EQ(bad.reason, "the reference job failed: it failed");
    EXPECT_TRUE(NextCondition(kGood, Reference(owner), kCanRefer).ever_suspect);
  }
  EXPECT_EQ(NextCondition(kGood, Reference(v1::FAILURE_OWNER_UNSPECIFIED), kCanRefer), kGood);
}

TEST(ReferenceCounts, AreComparedExactly) {
  const ReferenceCount expected{"instructions_p50", 961'204};
  EXPECT_FALSE(CompareCounts(ReferenceCount{"instructions_p50", 961'204}, expected, "b1"));
  for (const auto& counted :
       {std::optional(ReferenceCount{"instructions_p50", 961'205}),
        std::optional(ReferenceCount{"cycles_p50", 961'204}), std::optional<ReferenceCount>()}) {
    const auto failure = CompareCounts(counted, expected, "b1");
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->owner(), v1::FAILURE_OWNER_BENCH);
    EXPECT_NE(failure->message().find("961204"), std::string::npos);
    EXPECT_NE(failure->evidence(0).find("b1"), std::string::npos);
  }
}

TEST(ReferenceCounts, ComeFromTheMeasurements) {
  std::vector<v1::Measurement> measurements(2);
  measurements[0].set_metric("latency_us_p50");
  measurements[1].set_metric("cycles_p50");
  measurements[1].set_value(123);
  EXPECT_EQ(CountOf(measurements)->value, 123u);
  EXPECT_EQ(CountOf(measurements)->metric, "cycles_p50");
  measurements.pop_back();
  EXPECT_FALSE(CountOf(measurements));
}

}  // namespace
}  // namespace tinyrig::server
