#include "server/cli/report/memory_frame.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/cli/report/escape.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli::memory {
namespace {

constexpr double kAreaHeight = 440;
constexpr double kLeast = 760;    ///< Room for title and legend.
constexpr size_t kStepText = 26;  ///< Columns of text below a step.

std::vector<size_t> BreakLegend(const MemoryPicture& picture, double width) {
  std::vector<size_t> lines;
  double x = width;
  for (const auto& [kind, text] : picture.legend) {
    const double needed = LegendWidth(text);
    if (x + needed > width) {
      lines.push_back(0);
      x = 0;
    }
    ++lines.back();
    x += needed;
  }
  return lines;
}

std::vector<std::string> Lines(const std::string& text, double width) {
  std::vector<std::string> lines;
  std::string wrapped = Wrap(text, 0, static_cast<size_t>(width / (12 * 0.56)));
  for (size_t end = 0; (end = wrapped.find('\n')) != std::string::npos;) {
    lines.push_back(wrapped.substr(0, end));
    wrapped.erase(0, end + 1);
  }
  return lines;
}

}  // namespace

std::string StepText(const MemoryStep& step) {
  return Shorten(step.detail.empty() ? step.name : step.name + "  " + step.detail, kStepText);
}

double LegendWidth(const std::string& text) { return TextWidth(text, kFont) + kSwatch + 22; }

Frame MakeFrame(const MemoryPicture& picture) {
  Frame frame;
  const auto steps = static_cast<double>(picture.steps.size());
  int64_t most = picture.peak.bytes;
  if (picture.reference) most = std::max(most, picture.reference->bytes);
  frame.y = MakeScale({0, static_cast<double>(most)}, 6);
  frame.step = std::clamp(960 / steps, 26.0, 320.0);
  double longest = 0;
  for (const MemoryStep& step : picture.steps) {
    longest = std::max(longest, TextWidth(StepText(step), kFont));
  }
  frame.upright = longest + 8 > frame.step;
  const double left = 64;
  frame.width = std::max(kLeast, left + frame.step * steps + 16);
  for (const std::string& note : picture.notes) {
    const std::vector<std::string> lines = Lines(note, std::min(frame.width, 1100.0) - 24);
    frame.notes.insert(frame.notes.end(), lines.begin(), lines.end());
  }
  frame.legend_lines = BreakLegend(picture, frame.width - left - 16);
  const double lines = static_cast<double>(frame.notes.size() + frame.legend_lines.size());
  const double top = 34 + lines * kLine + 30;
  frame.area = {left, top, left + frame.step * steps, top + kAreaHeight};
  frame.height = frame.area.bottom + (frame.upright ? longest + 16 : 24) + 22;
  return frame;
}

std::string Text(double x, double y, const char* classes, const char* anchor,
                 const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n",
                     x, y, classes, anchor, EscapeMarkup(text));
}

std::string UprightText(double x, double y, const char* classes, const char* anchor,
                        const std::string& text) {
  return fmt::format(
      "<text transform=\"translate({:.1f} {:.1f}) rotate(-90)\" class=\"{}\" "
      "text-anchor=\"{}\">{}</text>\n",
      x, y, classes, anchor, EscapeMarkup(text));
}

std::string Rect(const std::string& classes, const Box& box) {
  return fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.2f}\" width=\"{:.1f}\" height=\"{:.2f}\"/>\n",
      classes, box.left, box.top, box.right - box.left, box.bottom - box.top);
}

std::string Line(const char* classes, double x1, double y1, double x2, double y2) {
  return fmt::format(
      "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.2f}\" x2=\"{:.1f}\" y2=\"{:.2f}\"/>\n", classes, x1,
      y1, x2, y2);
}

std::string Title(const std::string& text) {
  return fmt::format("<title>{}</title>\n", EscapeMarkup(text));
}

}  // namespace tinyrig::cli::memory
