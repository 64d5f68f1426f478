#include "server/results/front.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "server/results/front_facts.h"

namespace tinyrig::server {
namespace {

using Point = std::vector<Interval>;

Point Exact(std::vector<double> values) {
  Point point;
  for (double v : values) point.push_back({v, v});
  return point;
}

bool Beats(const Point& a, const Point& b) { return Dominates(a, b); }

FrontPoints Of(const std::vector<Point>& list, size_t axes) {
  FrontPoints points(axes);
  for (const Point& point : list) points.Add(point);
  return points;
}

TEST(Front, DominanceNeedsSeparatedIntervals) {
  EXPECT_TRUE(Beats({{1, 2}}, {{3, 4}}));
  EXPECT_FALSE(Beats({{1, 3}}, {{2, 4}}));
  EXPECT_FALSE(Beats({{1, 2}}, {{2, 2}}));                  // They touch: not better.
  EXPECT_TRUE(Beats({{1, 2}, {5, 5}}, {{3, 4}, {5, 5}}));   // Equal exact values are no worse.
  EXPECT_FALSE(Beats({{1, 2}, {4, 6}}, {{3, 4}, {4, 6}}));  // Equal uncertain values are not.
  EXPECT_FALSE(Beats(Exact({1, 1}), Exact({1, 1})));
}

TEST(Front, TiesAreAllOnIt) {
  const FrontPoints points =
      Of({Exact({1, 2}), Exact({1, 2}), Exact({2, 2}), Exact({2, 1}), Exact({-0.0, 5})}, 2);
  EXPECT_EQ(FindFront(points), (std::vector<bool>{true, true, false, true, true}));
  EXPECT_TRUE(FindFront(FrontPoints(2)).empty());
}

TEST(Front, IntervalIsTwoStandardUncertainties) {
  EXPECT_EQ(IntervalOf(10, 1.5).lo, 7);
  EXPECT_EQ(IntervalOf(10, 1.5).hi, 13);
  EXPECT_EQ(Negated({1, 2}).lo, -2);
}

TEST(Front, EqualsTheDefinitionOnRandomPoints) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const size_t axes = 1 + random() % 5;
    const auto values = static_cast<double>(2 + random() % 10);  // Few of them: many ties.
    std::vector<Point> list(random() % 60);
    for (Point& point : list) {
      for (size_t axis = 0; axis < axes; ++axis) {
        const double lo = std::floor(values * static_cast<double>(random() % 1000) / 1000) - 2;
        point.push_back({lo, lo + (random() % 3 == 0 ? static_cast<double>(random() % 3) : 0)});
      }
    }
    const std::vector<bool> front = FindFront(Of(list, axes));
    for (size_t i = 0; i < list.size(); ++i) {
      bool dominated = false;
      for (const Point& other : list) dominated = dominated || Dominates(other, list[i]);
      ASSERT_EQ(front[i], !dominated) << "round " << round << ", point " << i;
    }
  }
}

FrontFacts FactsOf(const std::vector<Point>& list, size_t axes) {
  const FrontPoints points = Of(list, axes);
  return DescribeFront(points, FindFront(points));
}

TEST(FrontFacts, TiesAreExactEqualsOfTheFront) {
  const FrontFacts facts = FactsOf(
      {Exact({1, 9}), Exact({5, 5}), Exact({1, 9}), Exact({5, 5}), Exact({6, 6}), Exact({6, 6})},
      2);
  EXPECT_EQ(facts.ties, (std::vector<std::vector<size_t>>{{0, 2}, {1, 3}}));
  // Intervals that are equal are no tie: where the values lie in them is not known.
  EXPECT_TRUE(FactsOf({{{1, 2}}, {{1, 2}}}, 1).ties.empty());
}

TEST(FrontFacts, KneeIsBelowTheLineBetweenTheEnds) {
  EXPECT_EQ(FactsOf({Exact({0, 100}), Exact({2, 20}), Exact({4, 15}), Exact({10, 0})}, 2).knee, 1u);
  EXPECT_EQ(FactsOf({Exact({0, 10}), Exact({5, 9}), Exact({10, 0})}, 2).knee, std::nullopt);
  EXPECT_EQ(FactsOf({Exact({0, 10}), Exact({5, 5}), Exact({10, 0})}, 2).knee, std::nullopt);
  EXPECT_EQ(FactsOf({Exact({0, 10}), Exact({0, 10}), Exact({10, 0})}, 2).knee, std::nullopt);
  EXPECT_EQ(
      FactsOf({Exact({0, 9, 9}), Exact({9, 0, 9}), Exact({9, 9, 0}), Exact({1, 1, 1})}, 3).knee,
      3u);
}

TEST(FrontFacts, HypervolumeIsTheShareOfTheBox) {
  EXPECT_EQ(FactsOf({Exact({0, 1}), Exact({1, 0})}, 2).hypervolume, 0);
  EXPECT_DOUBLE_EQ(*FactsOf({Exact({0, 4}), Exact({4, 0}), Exact({1, 1})}, 2).hypervolume,
                   9.0 / 16);
  EXPECT_EQ(FactsOf({Exact({1}), Exact({3})}, 1).hypervolume, 1);
  EXPECT_EQ(FactsOf({Exact({1, 7}), Exact({3, 7})}, 2).hypervolume, std::nullopt);
  EXPECT_EQ(FactsOf({}, 2).hypervolume, std::nullopt);
}

TEST(FrontFacts, HypervolumeEqualsCountingCellsOfAGrid) {
  std::mt19937 random(7);
  constexpr int kSide = 6;
  for (int round = 0; round < 300; ++round) {
    const size_t axes = 1 + random() % 4;
    // Two corners make the box; cells count as dominated when a point is no worse on every axis.
    std::vector<Point> list = {Exact(std::vector<double>(axes, kSide))};
    for (size_t axis = 0; axis < axes; ++axis) {
      std::vector<double> end(axes, kSide);
      end[axis] = 0;
      list.push_back(Exact(end));
    }
    for (size_t n = random() % 12; n > 0; --n) {
      std::vector<double> values;
      for (size_t axis = 0; axis < axes; ++axis) values.push_back(random() % (kSide + 1));
      list.push_back(Exact(values));
    }
    int cells = 1;
    for (size_t axis = 0; axis < axes; ++axis) cells *= kSide;
    int covered = 0;
    for (int cell = 0; cell < cells; ++cell) {
      covered += std::any_of(list.begin(), list.end(), [&](const Point& point) {
        int rest = cell;
        for (size_t axis = 0; axis < axes; ++axis, rest /= kSide) {
          if (point[axis].lo > rest % kSide) return false;
        }
        return true;
      });
    }
    const auto volume = FactsOf(list, axes).hypervolume;
    ASSERT_TRUE(volume.has_value());
    EXPECT_NEAR(*volume, static_cast<double>(covered) / cells, 1e-12) << "round " << round;
  }
}

}  // namespace
}  // namespace tinyrig::server
