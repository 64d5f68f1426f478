#pragma once

#include <string>
#include <vector>

#include "server/cli/campaign/metrics.h"

/// A scatter plot with a front, as inline SVG. Colours come from CSS variables of the page around
/// it
/// (--fg, --muted, --grid, --s0 to --s5), so it follows light and dark.
namespace tinyrig::cli {

struct PlotPoint {
  double x = 0;
  double y = 0;
  std::string label;    ///< Beside the point, where there is room.
  std::string tooltip;  ///< All that is known.
  size_t series = 0;    ///< Index into Plot::series: shape and colour.
  bool on_front = false;
};

struct PlotAxis {
  std::string metric;  ///< Decides title and units.
  bool minimize = true;
};

struct Plot {
  PlotAxis x;
  PlotAxis y;
  std::vector<std::string> series;  ///< Names for the legend.
  std::vector<PlotPoint> points;    ///< Finite coordinates.
};

struct PlotSize {
  double width = 760;
  double height = 440;
};

/// The whole <svg> element. Labels overlap neither each other nor a point; one that has no room is
/// left out (its tooltip stays).
std::string RenderPlot(const Plot& plot, const PlotSize& size);

/// Which marker stands for which series, as an HTML list; empty with a single series.
std::string RenderLegend(const Plot& plot);

/// The points that the front's line joins, by x: those of the front that no other point of the
/// front beats in both axes of this picture. Indices into `plot.points`.
std::vector<size_t> FrontLine(const Plot& plot);

/// A scale of one axis: where values lie, and round numbers to mark.
struct AxisScale {
  double lo = 0;
  double hi = 1;
  bool logarithmic = false;
  std::vector<double> ticks;

  /// 0 at `lo`, 1 at `hi`.
  double Fraction(double value) const;
};

/// A scale that shows all values with some air. Starts at 0 when that wastes little room;
/// logarithmic when the largest value is over 40 times the least. About `tick_count` ticks of 1, 2
/// or 5 times a power of ten.
AxisScale MakeScale(const std::vector<double>& values, int tick_count);

/// "20 kB", "1.5 M", "300 µs", "97 %"; `step` is the distance of ticks and sets the decimals,
/// `largest` of the axis sets the unit, so that all its ticks have the same.
std::string TickLabel(MetricKind kind, double value, double step, double largest);

}  // namespace tinyrig::cli
