#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "server/cli/report/escape.h"
#include "server/cli/report/memory_frame.h"
#include "server/cli/report/memory_picture.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using memory::Frame;
using memory::kFont;
using memory::kLine;
using memory::kSwatch;
using memory::LegendWidth;
using memory::Line;
using memory::Rect;
using memory::StepText;
using memory::Text;
using memory::Title;
using memory::UprightText;

std::string KindClass(MemoryKind kind) { return fmt::format("k{}", static_cast<int>(kind)); }

std::string Head(const MemoryPicture& picture, const Frame& frame) {
  std::string out = Text(12, 24, "head", "start", picture.title);
  double y = 34;
  for (const std::string& note : frame.notes) out += Text(12, y += kLine, "note", "start", note);
  size_t next = 0;
  for (const size_t count : frame.legend_lines) {
    y += kLine;
    double x = frame.area.left;
    for (size_t i = 0; i < count; ++i, ++next) {
      const auto& [kind, text] = picture.legend[next];
      out += Rect(KindClass(kind), {x, y - 8, x + kSwatch, y + 4});
      out += Text(x + kSwatch + 5, y + 2, "tick", "start", text);
      x += LegendWidth(text);
    }
  }
  return out;
}

std::string Axes(const Frame& frame) {
  const Box& area = frame.area;
  std::string out;
  const double distance = frame.y.ticks.size() > 1 ? frame.y.ticks[1] - frame.y.ticks[0] : 1;
  for (const double tick : frame.y.ticks) {
    const double y = frame.Y(static_cast<int64_t>(tick));
    out += Line("grid", area.left, y, area.right, y);
    out += Text(area.left - 6, y + 4, "tick", "end",
                TickLabel(MetricKind::kBytes, tick, distance, frame.y.ticks.back()));
  }
  out += UprightText(14, (area.top + area.bottom) / 2, "tick", "middle", "address in the arena →");
  out += Text(area.right, frame.height - 8, "tick", "end", "steps in time →");
  return out;
}

std::string Steps(const MemoryPicture& picture, const Frame& frame) {
  std::string out;
  for (size_t i = 0; i < picture.steps.size(); ++i) {
    const MemoryStep& step = picture.steps[i];
    const double x = frame.X(i) + frame.step / 2;
    const double y = frame.area.bottom;
    out += "<g class=\"step\">" + Title(step.tooltip);
    out += frame.upright ? UprightText(x + 4, y + 8, "tick", "end", StepText(step))
                         : Text(x, y + 16, "tick", "middle", StepText(step));
    out += "</g>\n";
  }
  return out;
}

/// Stripes behind the groups, and their names above.
std::string Groups(const MemoryPicture& picture, const Frame& frame) {
  std::string out;
  bool numbers_only = false;
  for (size_t i = 0; i < picture.groups.size(); ++i) {
    const MemoryGroup& group = picture.groups[i];
    const bool most = picture.peak_group == i;
    Box box = {frame.X(group.first), frame.area.top - 20, frame.X(group.last + 1),
               frame.area.bottom};
    out += "<g class=\"group\">" + Title(group.tooltip);
    out += Rect(most ? "band most" : i % 2 == 0 ? "band" : "paper", box);
    const size_t space = group.name.rfind(' ');
    const std::string number = space == std::string::npos ? "" : group.name.substr(space + 1);
    for (const std::string& name : {group.name, number}) {
      if (name.empty() || TextWidth(name, kFont) > box.right - box.left - 2) continue;
      out += Text((box.left + box.right) / 2, frame.area.top - 7, most ? "strong" : "tick",
                  "middle", name);
      numbers_only = numbers_only || name != group.name;
      break;
    }
    out += "</g>\n";
  }
  if (numbers_only) {
    out += Text(frame.area.left - 6, frame.area.top - 7, "tick", "end", "phase");
  }
  return out;
}

/// The upper left of bytes that two parts share belongs to the input, the lower right to the
/// output: this is how they change hands.
std::string Overlaps(const MemoryPicture& picture, const Frame& frame) {
  std::string out;
  for (const MemoryOverlap& overlap : picture.overlaps) {
    const Box box = frame.Of(overlap.first, overlap.last, overlap.from, overlap.to);
    const auto half = [&](MemoryKind kind, double x, double y) {
      return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.2f}L{:.1f} {:.2f}L{:.1f} {:.2f}z\"/>\n",
                         KindClass(kind), box.left, box.bottom, x, y, box.right, box.top);
    };
    out += "<g class=\"overlap\">" +
           Title(fmt::format("{} B at {}: the output takes the place of input that is no longer "
                             "needed",
                             FormatCount(static_cast<uint64_t>(overlap.to - overlap.from)),
                             FormatCount(static_cast<uint64_t>(overlap.from)))) +
           half(MemoryKind::kInput, box.left, box.top) +
           half(MemoryKind::kOutput, box.right, box.bottom) +
           Line("split", box.left, box.bottom, box.right, box.top) + "</g>\n";
  }
  return out;
}

/// Writes labels where nothing is written yet.
class Labels {
 public:
  explicit Labels(const Frame& frame) : frame_(frame) {}

  void Add(const MemoryPart& part) {
    const Box box = frame_.Of(part.first, part.last, part.offset, part.offset + part.bytes);
    for (const std::string& label : part.labels) {
      for (const bool upright : {false, true}) {
        if (!label.empty() && Try(part.kind, box, label, upright)) return;
      }
    }
  }
  std::string text() && { return std::move(text_); }

 private:
  bool Try(MemoryKind kind, const Box& part, const std::string& label, bool upright) {
    const double length = TextWidth(label, kFont);
    const double width = upright ? kFont + 2 : length + 8;
    const double height = upright ? length + 8 : kFont + 2;
    if (width > part.right - part.left || height > part.bottom - part.top) return false;
    // Inputs and outputs may share bytes: the ones begin above and left, the others end below.
    double left = (part.left + part.right - width) / 2;
    double top = (part.top + part.bottom - height) / 2;
    if (kind == MemoryKind::kInput) {
      left = upright ? part.left + 1 : part.left;
      top = part.top + 1;
    } else if (kind == MemoryKind::kOutput) {
      left = part.right - width;
      top = part.bottom - height - 1;
    }
    const Box box = {left, top, left + width, top + height};
    if (std::ranges::any_of(taken_, [&](const Box& other) { return Overlap(box, other); })) {
      return false;
    }
    taken_.push_back(box);
    text_ += upright ? UprightText(left + kFont - 1, top + height / 2, "label", "middle", label)
                     : Text(left + width / 2, top + kFont - 1, "label", "middle", label);
    return true;
  }

  const Frame& frame_;
  std::vector<Box> taken_;
  std::string text_;
};

std::string PartTitle(const MemoryPart& part) {
  return fmt::format("{}\n{} B at {} to {}", part.what,
                     FormatCount(static_cast<uint64_t>(part.bytes)),
                     FormatCount(static_cast<uint64_t>(part.offset)),
                     FormatCount(static_cast<uint64_t>(part.offset + part.bytes)));
}

std::string Parts(const MemoryPicture& picture, const Frame& frame) {
  std::string out;
  Labels labels(frame);
  for (const MemoryPart& part : picture.parts) {
    const Box box = frame.Of(part.first, part.last, part.offset, part.offset + part.bytes);
    // An edge would hide what is thin.
    const char* edge = box.bottom - box.top > 4 ? " edge" : "";
    out += "<g class=\"part\">" + Title(PartTitle(part)) + Rect(KindClass(part.kind) + edge, box) +
           "</g>\n";
  }
  out += Overlaps(picture, frame);
  std::vector<size_t> order(picture.parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return picture.parts[i].bytes; });
  for (const size_t i : order) labels.Add(picture.parts[i]);
  return out + std::move(labels).text();
}

/// A line across; texts at opposite ends, so that two near each other can be read.
std::string Mark(const MemoryMark& mark, const Frame& frame, const char* line, const char* text,
                 bool at_left) {
  const double y = frame.Y(mark.bytes);
  return Line(line, frame.area.left, y, frame.area.right, y) +
         Text(at_left ? frame.area.left + 5 : frame.area.right - 5, y - 5, text,
              at_left ? "start" : "end", mark.text);
}

}  // namespace

std::string MemorySvg(const MemoryPicture& picture) {
  const Frame frame = memory::MakeFrame(picture);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mem\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" aria-label=\"{2}\">\n",
      frame.width, frame.height, EscapeMarkup(picture.title));
  out += fmt::format("<style>{}</style>\n", kMemoryStyle);
  out += Rect("paper", {0, 0, frame.width, frame.height});
  out += Head(picture, frame) + Groups(picture, frame) + Axes(frame) + Parts(picture, frame);
  out += Line("axis", frame.area.left, frame.area.bottom, frame.area.right, frame.area.bottom);
  out += Line("axis", frame.area.left, frame.area.top, frame.area.left, frame.area.bottom);
  if (picture.reference) out += Mark(*picture.reference, frame, "other", "tick", false);
  out += Mark(picture.peak, frame, "peak", "peaktext", true);
  return out + Steps(picture, frame) + "</svg>\n";
}

}  // namespace tinyrig::cli
