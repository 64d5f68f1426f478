#pragma once

#include <string>
#include <vector>

#include "server/cli/report/memory_picture.h"
#include "server/cli/report/plot.h"
#include "server/cli/report/plot_labels.h"

/// Where the parts of a memory picture go, and the SVG elements that it is made of.
namespace tinyrig::cli::memory {

inline constexpr double kFont = 11;
inline constexpr double kLine = 16;
inline constexpr double kSwatch = 12;

/// Scales and places, in pixels.
struct Frame {
  double width = 0;
  double height = 0;
  double step = 0;  ///< Width of one.
  Box area;
  AxisScale y;
  bool upright = true;  ///< Names of steps are written across.
  std::vector<std::string> notes;
  std::vector<size_t> legend_lines;  ///< Entries on each line.

  double X(size_t step_index) const { return area.left + step * static_cast<double>(step_index); }
  double Y(int64_t bytes) const {
    return area.bottom - y.Fraction(static_cast<double>(bytes)) * (area.bottom - area.top);
  }
  Box Of(size_t first, size_t last, int64_t from, int64_t to) const {
    return {X(first), Y(to), X(last + 1), Y(from)};
  }
};

Frame MakeFrame(const MemoryPicture& picture);

/// What stands below a step.
std::string StepText(const MemoryStep& step);
/// Of an entry with its swatch and the gap to the next.
double LegendWidth(const std::string& text);

std::string Text(double x, double y, const char* classes, const char* anchor,
                 const std::string& text);
/// Read from below.
std::string UprightText(double x, double y, const char* classes, const char* anchor,
                        const std::string& text);
std::string Rect(const std::string& classes, const Box& box);
std::string Line(const char* classes, double x1, double y1, double x2, double y2);
std::string Title(const std::string& text);

}  // namespace tinyrig::cli::memory
