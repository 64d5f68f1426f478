#include "server/cli/report/plot_labels.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

/// A direction from the point to its label: the label's place relative to it, as shares of its own
/// size.
struct Direction {
  double dx;  ///< -1 left of the point, 0 centred, 1 right.
  double dy;
};
// In order of preference.
constexpr Direction kDirections[] = {{1, 0},  {-1, 0}, {0, -1},  {0, 1},
                                     {1, -1}, {1, 1},  {-1, -1}, {-1, 1}};
constexpr double kGaps[] = {3, 12, 24, 38};
constexpr double kLeaderGap = 10;
constexpr double kCrossingCost = 30;
constexpr double kMissingCost = 200;

bool Inside(const Box& inner, const Box& outer) {
  return inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top &&
         inner.bottom <= outer.bottom;
}

/// Liang-Barsky: does the segment have a part inside the box?
bool Crosses(const Segment& s, const Box& box) {
  double from = 0;
  double to = 1;
  const double dx = s.x2 - s.x1;
  const double dy = s.y2 - s.y1;
  const double p[] = {-dx, dx, -dy, dy};
  const double q[] = {s.x1 - box.left, box.right - s.x1, s.y1 - box.top, box.bottom - s.y1};
  for (int i = 0; i < 4; ++i) {
    if (p[i] == 0) {
      if (q[i] < 0) return false;
      continue;
    }
    const double t = q[i] / p[i];
    if (p[i] < 0) from = std::max(from, t);
    if (p[i] > 0) to = std::min(to, t);
  }
  return from <= to;
}

Box BoxAt(const LabelAnchor& anchor, const Direction& direction, double distance, double height) {
  // Diagonal places are as far away as straight ones.
  const double reach = direction.dx != 0 && direction.dy != 0 ? distance * 0.75 : distance;
  const double width = anchor.text_width;
  const double left = anchor.x + direction.dx * reach + (direction.dx - 1) / 2 * width;
  const double top = anchor.y + direction.dy * reach + (direction.dy - 1) / 2 * height;
  return {left, top, left + width, top + height};
}

using Labels = std::vector<std::optional<PlacedLabel>>;

/// What all attempts have in common.
struct Scene {
  const std::vector<LabelAnchor>& anchors;
  const std::vector<Segment>& segments;
  const Box& area;
  double text_height;
  double marker;
};

/// The cheapest free place for one label and its cost; nothing when all are taken.
std::optional<std::pair<PlacedLabel, double>> BestPlace(const Scene& scene,
                                                        const LabelAnchor& anchor,
                                                        const std::vector<Box>& taken) {
  std::optional<std::pair<PlacedLabel, double>> best;
  for (const double gap : kGaps) {
    for (const Direction& direction : kDirections) {
      const Box box = BoxAt(anchor, direction, scene.marker + gap, scene.text_height);
      if (!Inside(box, scene.area)) continue;
      if (std::ranges::any_of(taken, [&](const Box& other) { return Overlap(box, other); }))
        continue;
      double cost = gap;
      for (const Segment& segment : scene.segments)
        cost += Crosses(segment, box) ? kCrossingCost : 0;
      if (!best || cost < best->second) best = {PlacedLabel{box, gap > kLeaderGap}, cost};
    }
  }
  return best;
}

/// Places labels one after the other in this order; gives what it cost.
double PlaceInOrder(const Scene& scene, const std::vector<size_t>& order, Labels& labels) {
  std::vector<Box> taken;
  for (const LabelAnchor& a : scene.anchors) {
    taken.push_back(
        {a.x - scene.marker, a.y - scene.marker, a.x + scene.marker, a.y + scene.marker});
  }
  labels.assign(scene.anchors.size(), std::nullopt);
  double total = 0;
  for (const size_t i : order) {
    if (scene.anchors[i].text_width <= 0) continue;
    const auto place = BestPlace(scene, scene.anchors[i], taken);
    total += place ? place->second : kMissingCost;
    if (!place) continue;
    labels[i] = place->first;
    taken.push_back(place->first.box);
  }
  return total;
}

}  // namespace

bool Overlap(const Box& a, const Box& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

double TextWidth(const std::string& text, double font_size) {
  return static_cast<double>(DisplayWidth(text)) * font_size * 0.58;
}

std::vector<std::optional<PlacedLabel>> PlaceLabels(const std::vector<LabelAnchor>& anchors,
                                                    const std::vector<Segment>& segments,
                                                    const Box& area, double text_height,
                                                    double marker) {
  const Scene scene = {anchors, segments, area, text_height, marker};
  // Who chooses first decides how well all fit, so a few orders compete.
  const std::function<double(const LabelAnchor&)> kOrders[] = {
      [](const LabelAnchor&) { return 0.0; },        [](const LabelAnchor& a) { return a.x; },
      [](const LabelAnchor& a) { return -a.x; },     [](const LabelAnchor& a) { return a.y; },
      [](const LabelAnchor& a) { return -a.y; },     [](const LabelAnchor& a) { return a.x + a.y; },
      [](const LabelAnchor& a) { return a.x - a.y; }};
  Labels best;
  double best_cost = 0;
  for (const auto& key : kOrders) {
    std::vector<size_t> order(anchors.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](size_t a, size_t b) {
      if (anchors[a].priority != anchors[b].priority)
        return anchors[a].priority > anchors[b].priority;
      return key(anchors[a]) < key(anchors[b]);
    });
    Labels labels;
    const double cost = PlaceInOrder(scene, order, labels);
    if (!best.empty() && cost >= best_cost) continue;
    best = std::move(labels);
    best_cost = cost;
  }
  return best;
}

}  // namespace tinyrig::cli
