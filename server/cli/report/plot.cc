#include "server/cli/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/cli/report/escape.h"
#include "server/cli/report/plot_labels.h"

namespace tinyrig::cli {
namespace {

constexpr double kFont = 12;
constexpr double kMarker = 6;
constexpr size_t kColors = 6;

/// The picture's geometry and scales.
struct Frame {
  Box area;
  AxisScale x;
  AxisScale y;

  double X(double value) const { return area.left + x.Fraction(value) * (area.right - area.left); }
  double Y(double value) const {
    return area.bottom - y.Fraction(value) * (area.bottom - area.top);
  }
};

double StepOf(const AxisScale& scale, size_t tick) {
  if (scale.logarithmic) return scale.ticks[tick];
  return scale.ticks.size() > 1 ? scale.ticks[1] - scale.ticks[0] : scale.ticks[tick];
}

std::vector<std::string> TickLabels(const AxisScale& scale, const std::string& metric) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < scale.ticks.size(); ++i) {
    const double largest = scale.logarithmic ? scale.ticks[i] : scale.ticks.back();
    labels.push_back(TickLabel(KindOfMetric(metric), scale.ticks[i], StepOf(scale, i), largest));
  }
  return labels;
}

Frame MakeFrame(const Plot& plot, const PlotSize& size) {
  std::vector<double> xs;
  std::vector<double> ys;
  for (const PlotPoint& point : plot.points) {
    xs.push_back(point.x);
    ys.push_back(point.y);
  }
  Frame frame;
  frame.x = MakeScale(xs, static_cast<int>(size.width / 110));
  frame.y = MakeScale(ys, static_cast<int>(size.height / 70));
  double label_width = 0;
  for (const std::string& label : TickLabels(frame.y, plot.y.metric)) {
    label_width = std::max(label_width, TextWidth(label, kFont));
  }
  // Room above for the y axis' title.
  frame.area = {label_width + 14, 30, size.width - 14, size.height - 46};
  return frame;
}

std::string AxisTitle(const PlotAxis& axis) {
  return fmt::format("{} ({} is better)", MetricTitle(axis.metric),
                     axis.minimize ? "less" : "more");
}

std::string Text(double x, double y, const char* classes, const char* anchor,
                 const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n",
                     x, y, classes, anchor, EscapeMarkup(text));
}

std::string Line(const char* classes, const Segment& s) {
  return fmt::format(
      "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", classes,
      s.x1, s.y1, s.x2, s.y2);
}

std::string Axes(const Plot& plot, const Frame& frame) {
  const Box& area = frame.area;
  std::string out;
  const std::vector<std::string> x_labels = TickLabels(frame.x, plot.x.metric);
  for (size_t i = 0; i < x_labels.size(); ++i) {
    const double x = frame.X(frame.x.ticks[i]);
    out += Line("grid", {x, area.top, x, area.bottom});
    out += Text(x, area.bottom + 17, "tick", "middle", x_labels[i]);
  }
  const std::vector<std::string> y_labels = TickLabels(frame.y, plot.y.metric);
  for (size_t i = 0; i < y_labels.size(); ++i) {
    const double y = frame.Y(frame.y.ticks[i]);
    out += Line("grid", {area.left, y, area.right, y});
    out += Text(area.left - 7, y + 4, "tick", "end", y_labels[i]);
  }
  out += Line("axis", {area.left, area.bottom, area.right, area.bottom});
  out += Line("axis", {area.left, area.top, area.left, area.bottom});
  out += Text(area.right, area.bottom + 37, "title", "end", AxisTitle(plot.x) + " →");
  out += Text(2, 15, "title", "start", "↑ " + AxisTitle(plot.y));
  return out;
}

/// A marker of a series: circle, square, diamond, triangle, in turn.
std::string Marker(double x, double y, size_t series, const char* more_classes) {
  const std::string classes = fmt::format("s{}{}", series % kColors, more_classes);
  const double r = kMarker;
  switch (series % 4) {
    case 0:
      return fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"/>", classes,
                         x, y, r * 0.95);
    case 1:
      return fmt::format(
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>",
          classes, x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
    case 2:
      return fmt::format(
          "<path class=\"{}\" d=\"M{:.1f} {:.1f}l{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}z\"/>",
          classes, x, y - r * 1.2, r * 1.2, r * 1.2, -r * 1.2, r * 1.2, -r * 1.2, -r * 1.2);
    default:
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l{:.1f} {:.1f}h{:.1f}z\"/>", classes,
                         x, y - r * 1.1, r * 1.1, r * 1.9, -r * 2.2);
  }
}

/// The front's line as steps: what lies beyond them is dominated in this picture.
std::vector<Segment> FrontSteps(const Plot& plot, const Frame& frame) {
  std::vector<Segment> segments;
  const std::vector<size_t> line = FrontLine(plot);
  for (size_t i = 1; i < line.size(); ++i) {
    const PlotPoint& a = plot.points[line[i - 1]];
    const PlotPoint& b = plot.points[line[i]];
    // The corner is worse than both in one axis and equal in the other.
    const bool corner_at_b = plot.x.minimize;
    const double x = corner_at_b ? frame.X(b.x) : frame.X(a.x);
    const double y = corner_at_b ? frame.Y(a.y) : frame.Y(b.y);
    segments.push_back({frame.X(a.x), frame.Y(a.y), x, y});
    segments.push_back({x, y, frame.X(b.x), frame.Y(b.y)});
  }
  return segments;
}

std::string Labels(const Plot& plot, const Frame& frame, const std::vector<Segment>& steps) {
  std::vector<LabelAnchor> anchors;
  for (const PlotPoint& point : plot.points) {
    anchors.push_back({frame.X(point.x), frame.Y(point.y), TextWidth(point.label, kFont),
                       point.on_front ? 1 : 0});
  }
  const Box area = {frame.area.left + 2, frame.area.top - 4, frame.area.right + 12,
                    frame.area.bottom - 2};
  const auto labels = PlaceLabels(anchors, steps, area, kFont * 1.25, kMarker + 1);
  std::string out;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i]) continue;
    const Box& box = labels[i]->box;
    if (labels[i]->leader) {
      const double x = std::clamp(anchors[i].x, box.left, box.right);
      const double y = std::clamp(anchors[i].y, box.top + 2, box.bottom - 2);
      out += Line("leader", {anchors[i].x, anchors[i].y, x, y});
    }
    out += Text(box.left, box.bottom - kFont * 0.32,
                plot.points[i].on_front ? "label" : "label off", "start", plot.points[i].label);
  }
  return out;
}

std::string Points(const Plot& plot, const Frame& frame) {
  std::string out;
  // The front last, so that it lies on top.
  for (const bool on_front : {false, true}) {
    for (const PlotPoint& point : plot.points) {
      if (point.on_front != on_front) continue;
      out += fmt::format(
          "<g>{}<title>{}</title></g>\n",
          Marker(frame.X(point.x), frame.Y(point.y), point.series, on_front ? " on" : " off"),
          EscapeMarkup(point.tooltip));
    }
  }
  return out;
}

}  // namespace

std::vector<size_t> FrontLine(const Plot& plot) {
  std::vector<size_t> front;
  for (size_t i = 0; i < plot.points.size(); ++i) {
    if (plot.points[i].on_front) front.push_back(i);
  }
  // Turned so that less is better.
  const auto x = [&](size_t i) { return plot.x.minimize ? plot.points[i].x : -plot.points[i].x; };
  const auto y = [&](size_t i) { return plot.y.minimize ? plot.points[i].y : -plot.points[i].y; };
  std::ranges::sort(front, [&](size_t a, size_t b) {
    return x(a) != x(b) ? x(a) < x(b) : y(a) != y(b) ? y(a) < y(b) : a < b;
  });
  std::vector<size_t> line;
  for (const size_t i : front) {
    if (line.empty() || y(i) < y(line.back())) line.push_back(i);
  }
  if (!plot.x.minimize) std::ranges::reverse(line);
  return line;
}

std::string RenderPlot(const Plot& plot, const PlotSize& size) {
  const Frame frame = MakeFrame(plot, size);
  const std::vector<Segment> steps = FrontSteps(plot, frame);
  const std::string name = fmt::format("{} against {}, {} points", MetricTitle(plot.y.metric),
                                       MetricTitle(plot.x.metric), plot.points.size());
  std::string out = fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" "
      "aria-label=\"{2}\">\n",
      size.width, size.height, EscapeMarkup(name));
  out += Axes(plot, frame);
  for (const Segment& step : steps) out += Line("front", step);
  out += Points(plot, frame);
  out += Labels(plot, frame, steps);
  return out + "</svg>\n";
}

std::string RenderLegend(const Plot& plot) {
  if (plot.series.size() < 2) return "";
  std::string out = "<ul class=\"legend\">\n";
  for (size_t i = 0; i < plot.series.size(); ++i) {
    out += fmt::format("<li><svg width=\"16\" height=\"16\" aria-hidden=\"true\">{}</svg>{}</li>\n",
                       Marker(8, 8, i, " on"), EscapeMarkup(plot.series[i]));
  }
  return out + "</ul>\n";
}

}  // namespace tinyrig::cli
