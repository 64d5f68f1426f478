#pragma once

#include <optional>
#include <string>
#include <vector>

/// Where labels of a plot go, in pixels with y downwards. Pure geometry.
namespace tinyrig::cli {

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};
bool Overlap(const Box& a, const Box& b);

/// A straight line that labels should rather not cover.
struct Segment {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;
  double y2 = 0;
};

/// A point to be labelled.
struct LabelAnchor {
  double x = 0;
  double y = 0;
  double text_width = 0;  ///< 0 = wants no label.
  int priority = 0;       ///< Higher ones choose first.
};

struct PlacedLabel {
  Box box;
  bool leader = false;  ///< So far off that a line should lead to its point.
};

/// A place for every label inside `area` that touches no other label, no marker (a square of
/// `marker` pixels to each side of a point) and, where possible, no segment. Nothing where there is
/// none.
std::vector<std::optional<PlacedLabel>> PlaceLabels(const std::vector<LabelAnchor>& anchors,
                                                    const std::vector<Segment>& segments,
                                                    const Box& area, double text_height,
                                                    double marker);

/// Width of a text in pixels, estimated for the fonts in use (rather too wide).
double TextWidth(const std::string& text, double font_size);

}  // namespace tinyrig::cli
