#include "server/cli/text/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tinyrig::cli {
namespace {

void AppendCell(const std::string& text, size_t width, Align align, std::string& line) {
  const std::string padding(width - DisplayWidth(text), ' ');
  line += align == Align::kRight ? padding + text : text + padding;
}

void AppendLine(std::string line, std::string& out) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  std::ranges::transform(cells, cells.begin(), [](const std::string& s) { return Printable(s); });
  rows_.push_back(std::move(cells));
}

std::string Table::Render() const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t width = DisplayWidth(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[c]));
    widths.push_back(width);
  }
  std::string out;
  std::string titles;
  std::string rule;
  for (size_t c = 0; c < columns_.size(); ++c) {
    const std::string gap = c == 0 ? "" : "  ";
    titles += gap;
    AppendCell(columns_[c].title, widths[c], columns_[c].align, titles);
    rule += gap + std::string(widths[c], '-');
  }
  AppendLine(titles, out);
  AppendLine(rule, out);
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line += "  ";
      AppendCell(row[c], widths[c], columns_[c].align, line);
    }
    AppendLine(line, out);
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return text.size() - static_cast<size_t>(std::ranges::count_if(text, IsContinuation));
}

std::string Printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 || byte == 0x7F;
    // U+0080 to U+009F are control characters of their own, two bytes long.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;
    out += control || c1 ? '?' : text[i];
    if (c1) ++i;
  }
  return out;
}

std::string Shorten(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && ++columns >= std::max<size_t>(width, 1)) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string FormatCount(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string FormatNumber(double value) {
  if (!std::isfinite(value)) return "?";
  const double magnitude = std::abs(value);
  if (magnitude < 1e15 && value == std::floor(value)) {
    return fmt::format("{}{}", value < 0 ? "-" : "", FormatCount(static_cast<uint64_t>(magnitude)));
  }
  if (magnitude >= 1000 && magnitude < 1e15) {
    const double tenths = std::round(magnitude * 10) / 10;
    const double whole = std::floor(tenths);
    return fmt::format("{}{}.{:.0f}", value < 0 ? "-" : "",
                       FormatCount(static_cast<uint64_t>(whole)), (tenths - whole) * 10);
  }
  return fmt::format("{:.6g}", value);
}

}  // namespace tinyrig::cli
