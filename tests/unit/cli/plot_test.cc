#include "server/cli/report/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "server/cli/report/plot_labels.h"

namespace tinyrig::cli {
namespace {

using testing::ElementsAre;

TEST(MakeScale, ShowsAllValuesAtRoundTicks) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> values;
    const double size = std::pow(10.0, std::uniform_real_distribution(-3.0, 9.0)(random));
    for (int i = 0; i < 1 + round % 5; ++i)
      values.push_back(std::uniform_real_distribution(0.0, size)(random));
    const AxisScale scale = MakeScale(values, 6);
    for (const double value : values) {
      EXPECT_GE(scale.Fraction(value), 0);
      EXPECT_LE(scale.Fraction(value), 1);
    }
    EXPECT_GE(scale.ticks.size(), 2u) << size;
    EXPECT_LE(scale.ticks.size(), 14u) << size;
  }
}

TEST(MakeScale, StartsAtZeroUnlessThatWastesRoom) {
  EXPECT_EQ(MakeScale({100, 1000}, 5).lo, 0);
  EXPECT_GT(MakeScale({950, 1000}, 5).lo, 800);
  EXPECT_TRUE(MakeScale({1, 1000}, 5).logarithmic);
  EXPECT_FALSE(MakeScale({0, 1000}, 5).logarithmic);
}

TEST(TickLabel, HasUnits) {
  EXPECT_EQ(TickLabel(MetricKind::kBytes, 20'000, 10'000, 20'000), "20 kB");
  EXPECT_EQ(TickLabel(MetricKind::kBytes, 2'500, 500, 2'500), "2.5 kB");
  EXPECT_EQ(TickLabel(MetricKind::kCount, 1'500'000, 500'000, 1'500'000), "1.5 M");
  EXPECT_EQ(TickLabel(MetricKind::kCount, 40, 20, 40), "40");
  EXPECT_EQ(TickLabel(MetricKind::kMicroseconds, 300, 100, 300), "300 µs");
  EXPECT_EQ(TickLabel(MetricKind::kMicroseconds, 2'000'000, 1'000'000, 2'000'000), "2 s");
  EXPECT_EQ(TickLabel(MetricKind::kRatio, 0.97, 0.01, 0.97), "97 %");
  EXPECT_EQ(TickLabel(MetricKind::kRatio, 0.975, 0.005, 0.975), "97.5 %");
  EXPECT_EQ(TickLabel(MetricKind::kBytes, 0, 10, 50), "0");
  EXPECT_EQ(TickLabel(MetricKind::kCount, 500'000, 500'000, 2'500'000), "0.5 M");
}

Plot PlotOf(std::vector<std::pair<double, double>> front, bool min_x, bool min_y) {
  Plot plot;
  plot.x = {"flash_model_bytes", min_x};
  plot.y = {"instructions_p50", min_y};
  for (const auto& [x, y] : front) plot.points.push_back({x, y, "p", "", 0, true});
  return plot;
}

TEST(FrontLine, JoinsWhatNoOtherBeatsInThePicture) {
  EXPECT_THAT(FrontLine(PlotOf({{1, 9}, {5, 5}, {3, 3}, {9, 1}}, true, true)),
              ElementsAre(0, 2, 3));
  EXPECT_THAT(FrontLine(PlotOf({{1, 1}, {5, 5}, {3, 2}}, true, false)), ElementsAre(0, 2, 1));
  EXPECT_THAT(FrontLine(PlotOf({{1, 1}, {5, 5}, {3, 6}}, false, true)), ElementsAre(0, 1));
  EXPECT_THAT(FrontLine(PlotOf({{1, 9}, {5, 5}, {4, 4}}, false, false)), ElementsAre(0, 1));
  EXPECT_THAT(FrontLine(PlotOf({{2, 2}, {2, 2}}, true, true)), ElementsAre(0));
}

TEST(PlaceLabels, NeverOverlapAnything) {
  std::mt19937 random(7);
  const Box area = {50, 20, 350, 380};
  size_t placed = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<LabelAnchor> anchors;
    for (int i = 0; i < 2 + round % 30; ++i) {
      anchors.push_back({std::uniform_real_distribution(60.0, 340.0)(random),
                         std::uniform_real_distribution(30.0, 370.0)(random), 55, i % 2});
    }
    const auto labels = PlaceLabels(anchors, {{60, 30, 340, 370}}, area, 14, 7);
    for (size_t i = 0; i < labels.size(); ++i) {
      if (!labels[i]) continue;
      ++placed;
      EXPECT_GE(labels[i]->box.left, area.left);
      EXPECT_LE(labels[i]->box.right, area.right);
      for (size_t j = 0; j < labels.size(); ++j) {
        if (j != i && labels[j]) {
          EXPECT_FALSE(Overlap(labels[i]->box, labels[j]->box));
        }
        const Box marker = {anchors[j].x - 7, anchors[j].y - 7, anchors[j].x + 7, anchors[j].y + 7};
        EXPECT_FALSE(Overlap(labels[i]->box, marker));
      }
    }
  }
  // Room is used: leaving all labels out would pass the rest.
  EXPECT_GT(placed, 2500u);
}

TEST(RenderPlot, LabelsASmallFrontCompletely) {
  const Plot plot = PlotOf(
      {{16'930, 1'633'870}, {19'444, 402'115}, {22'068, 361'900}, {41'020, 812'466}}, true, true);
  for (const PlotSize size : {PlotSize{1000, 460}, PlotSize{340, 400}}) {
    const std::string svg = RenderPlot(plot, size);
    size_t labels = 0;
    for (size_t at = svg.find(">p</text>"); at != std::string::npos;
         at = svg.find(">p</text>", at + 1))
      ++labels;
    EXPECT_EQ(labels, 4u);
  }
}

}  // namespace
}  // namespace tinyrig::cli
