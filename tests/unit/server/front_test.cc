#include "server/results/front.h"

#include <gtest/gtest.h>

#include <random>

namespace tinyrig::server {
namespace {

FrontPoint Exact(std::vector<double> values) {
  FrontPoint point;
  for (double v : values) point.push_back({v, v});
  return point;
}

TEST(Front, DominanceNeedsSeparatedIntervals) {
  EXPECT_TRUE(Dominates({{1, 2}}, {{3, 4}}));
  EXPECT_FALSE(Dominates({{1, 3}}, {{2, 4}}));
  EXPECT_FALSE(Dominates({{1, 2}}, {{2, 2}}));                  // They touch: not better.
  EXPECT_TRUE(Dominates({{1, 2}, {5, 5}}, {{3, 4}, {5, 5}}));   // Equal exact values are no worse.
  EXPECT_FALSE(Dominates({{1, 2}, {4, 6}}, {{3, 4}, {4, 6}}));  // Equal uncertain values are not.
  EXPECT_FALSE(Dominates(Exact({1, 1}), Exact({1, 1})));
}

TEST(Front, TiesAreAllOnIt) {
  EXPECT_EQ(FindFront({Exact({1, 2}), Exact({1, 2}), Exact({2, 2}), Exact({2, 1})}),
            (std::vector<bool>{true, true, false, true}));
  EXPECT_TRUE(FindFront({}).empty());
}

TEST(Front, IntervalIsTwoStandardUncertainties) {
  EXPECT_EQ(IntervalOf(10, 1.5).lo, 7);
  EXPECT_EQ(IntervalOf(10, 1.5).hi, 13);
  EXPECT_EQ(Negated({1, 2}).lo, -2);
}

TEST(Front, EqualsTheDefinitionOnRandomPoints) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t axes = 1 + random() % 4;
    std::vector<FrontPoint> points(random() % 60);
    for (FrontPoint& point : points) {
      for (size_t axis = 0; axis < axes; ++axis) {
        const double lo = static_cast<double>(random() % 8);
        point.push_back({lo, lo + (random() % 3 == 0 ? static_cast<double>(random() % 3) : 0)});
      }
    }
    const std::vector<bool> front = FindFront(points);
    for (size_t i = 0; i < points.size(); ++i) {
      bool dominated = false;
      for (const FrontPoint& other : points) dominated = dominated || Dominates(other, points[i]);
      EXPECT_EQ(front[i], !dominated);
    }
  }
}

}  // namespace
}  // namespace tinyrig::server
