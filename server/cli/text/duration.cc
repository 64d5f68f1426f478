#include "server/cli/text/duration.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <ctime>

namespace tinyrig::cli {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 24 * 3600 * kSecondUs;
constexpr int64_t kLongestUs = 365 * kDayUs;

int64_t UnitUs(std::string_view unit) {
  if (unit == "s") return kSecondUs;
  if (unit == "m" || unit == "min") return 60 * kSecondUs;
  if (unit == "h") return 3600 * kSecondUs;
  if (unit == "d") return kDayUs;
  return 0;
}

}  // namespace

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string DurationText(int64_t duration_us) {
  const int64_t ms = duration_us / 1000;
  if (ms < 1000) return fmt::format("{} ms", ms);
  const int64_t tenths = (ms + 50) / 100;
  if (tenths < 600 && tenths % 10 != 0) return fmt::format("{}.{} s", tenths / 10, tenths % 10);
  int64_t seconds = (ms + 500) / 1000;
  std::string text;
  for (const auto& [unit, length] :
       {std::pair("d", 86'400), std::pair("h", 3600), std::pair("min", 60), std::pair("s", 1)}) {
    if (seconds < length) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", seconds / length, unit);
    seconds %= length;
  }
  return text;
}

Result<int64_t> ParseDuration(std::string_view text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const int64_t unit = UnitUs(std::string_view(parsed.ptr, static_cast<size_t>(end - parsed.ptr)));
  if (parsed.ec != std::errc() || unit == 0 || number <= 0 || number > kLongestUs / unit) {
    return Status(Code::kInvalidArgument,
                  fmt::format("'{}' is not a time; write 90s, 30m, 2h or 1d, up to 365d", text));
  }
  return number * unit;
}

Result<int64_t> ParseTime(const std::string& text) {
  for (const char* format : {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"}) {
    std::tm utc{};
    const char* end = strptime(text.c_str(), format, &utc);
    if (end != nullptr && *end == '\0') return int64_t{timegm(&utc)} * 1'000'000;
  }
  return Status(Code::kInvalidArgument,
                fmt::format("'{}' is no time; write \"2026-11-24 02:00\" (UTC)", text));
}

}  // namespace tinyrig::cli
