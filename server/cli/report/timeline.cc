#include "server/cli/report/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "server/cli/text/duration.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kBarColumns = 30;
constexpr size_t kNameColumns = 18;

bool IsFlashOrDevice(const v1::Span& span) {
  const std::string& name = span.name();
  return name == "flash" || name.starts_with("flash.") || name == "stream" || name == "observe";
}

/// Time that at least one of the chosen spans covers: parts lie within their phase and are not
/// counted twice.
int64_t CoveredUs(const v1::Attempt& attempt, const std::function<bool(const v1::Span&)>& chosen) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const v1::Span& span : attempt.timeline()) {
    const int64_t from = std::max(span.start_us(), attempt.started_us());
    const int64_t to = std::min(span.start_us() + span.duration_us(), attempt.ended_us());
    if (chosen(span) && to > from) ranges.emplace_back(from, to);
  }
  std::ranges::sort(ranges);
  int64_t covered = 0;
  int64_t end = attempt.started_us();
  for (const auto& [from, to] : ranges) {
    covered += std::max<int64_t>(0, to - std::max(from, end));
    end = std::max(end, to);
  }
  return covered;
}

int64_t TotalUs(const v1::Attempt& attempt) {
  return std::max<int64_t>(0, attempt.ended_us() - attempt.started_us());
}

std::string Milliseconds(int64_t us) {
  return fmt::format("{:.1f} ms", static_cast<double>(us) / 1000);
}

std::string Percent(int64_t us, int64_t total_us) {
  if (total_us == 0) return "";
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(us) / static_cast<double>(total_us));
}

size_t BarColumn(int64_t us, int64_t total_us) {
  const double share = static_cast<double>(us) / static_cast<double>(total_us);
  return static_cast<size_t>(std::lround(std::clamp(share, 0.0, 1.0) * kBarColumns));
}

std::string Bar(const v1::Span& span, const v1::Attempt& attempt) {
  const int64_t total = TotalUs(attempt);
  if (total == 0) return "";
  const int64_t offset = span.start_us() - attempt.started_us();
  const size_t from = std::min(BarColumn(offset, total), kBarColumns - 1);
  const size_t to = BarColumn(offset + span.duration_us(), total);
  const std::string before(from, ' ');
  return to > from ? before + std::string(to - from, '#') : before + "|";
}

}  // namespace

int64_t AgentOverheadUs(const v1::Attempt& attempt) {
  return TotalUs(attempt) - CoveredUs(attempt, IsFlashOrDevice);
}

std::string TimelineText(const v1::Attempt& attempt, bool bars) {
  if (attempt.timeline().empty()) return "";
  const int64_t total = TotalUs(attempt);
  std::vector<Column> columns = {
      {"phase"}, {"start", Align::kRight}, {"duration", Align::kRight}, {"share", Align::kRight}};
  if (bars) columns.push_back({"timeline"});
  Table table(std::move(columns));
  for (const v1::Span& span : attempt.timeline()) {
    table.AddRow({Shorten(span.name(), kNameColumns),
                  Milliseconds(span.start_us() - attempt.started_us()),
                  Milliseconds(span.duration_us()), Percent(span.duration_us(), total),
                  bars ? Bar(span, attempt) : ""});
  }
  const int64_t between = total - CoveredUs(attempt, [](const v1::Span&) { return true; });
  if (attempt.ended_us() != 0 && between > 0) {
    table.AddRow({"(between phases)", "", Milliseconds(between), Percent(between, total)});
  }
  return table.Render();
}

std::string OverheadText(const v1::Attempt& attempt) {
  if (attempt.ended_us() == 0 || attempt.timeline().empty()) return "";
  const int64_t overhead = AgentOverheadUs(attempt);
  return fmt::format("agent overhead beyond flash and device time: {} ({} of {})",
                     Milliseconds(overhead), Percent(overhead, TotalUs(attempt)),
                     DurationText(TotalUs(attempt)));
}

}  // namespace tinyrig::cli
