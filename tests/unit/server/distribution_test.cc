#include "server/results/distribution.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tinyrig::server {
namespace {

TEST(Distribution, PercentilesAreNearestRank) {
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1.0);
  const Distribution d = Summarize(values);
  EXPECT_EQ(d.min, 1);
  EXPECT_EQ(d.p50, 50);
  EXPECT_EQ(d.p90, 90);
  EXPECT_EQ(d.p99, 99);
  EXPECT_EQ(d.max, 100);
  EXPECT_EQ(d.mean, 50.5);
  EXPECT_NEAR(d.sd, 29.0114919758820, 1e-10);
}

TEST(Distribution, FewValues) {
  const Distribution one = Summarize({7});
  EXPECT_EQ(one.p50, 7);
  EXPECT_EQ(one.p99, 7);
  EXPECT_EQ(one.sd, 0);
  const Distribution three = Summarize({30, 10, 20});
  EXPECT_EQ(three.p50, 20);
  EXPECT_EQ(three.p90, 30);
  EXPECT_EQ(three.sd, 10);
  EXPECT_EQ(Summarize({}).count, 0u);
}

TEST(Distribution, LargeEqualCountsHaveNoSpread) {
  const Distribution d = Summarize(std::vector<double>(1000, 43'040'001.0));
  EXPECT_EQ(d.mean, 43'040'001.0);
  EXPECT_EQ(d.sd, 0);
}

TEST(EventsFromTicks, RecoversInstructionsOfTheVirtualCounterExactly) {
  // -icount shift=6: 64 ns an instruction, 40 ns a tick; the counter shows whole ticks.
  for (uint64_t instructions : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1000},
                                uint64_t{7'698'445}, uint64_t{2'600'000'000}}) {
    for (uint64_t n = instructions; n < instructions + 5; ++n) {
      EXPECT_EQ(EventsFromTicks(n * 8 / 5, 15'625'000, 25'000'000), n);
    }
  }
  EXPECT_EQ(EventsFromTicks(123, 1'000'000, 1'000'000), 123u);
  EXPECT_EQ(EventsFromTicks(1, 1, 0), 0u);
}

}  // namespace
}  // namespace tinyrig::server
