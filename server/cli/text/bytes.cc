#include "server/cli/text/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace tinyrig::cli {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr Unit kUnits[] = {
    {"B", 1},          {"kB", 1'000},     {"MB", 1'000'000}, {"GB", 1'000'000'000},
    {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30},
};

Status BadSize(std::string_view text, std::string_view why) {
  return {
      Code::kInvalidArgument,
      fmt::format("'{}' is not a size: {}. Write a whole number of bytes, or one with B, kB, MB, "
                  "GB (1 kB = 1000 B) or KiB, MiB, GiB (1 KiB = 1024 B), like 32kB or 64KiB",
                  text, why)};
}

/// Why a unit that is not in the table is wrong, as precisely as can be said.
std::string WhyUnknownUnit(std::string_view unit) {
  std::string lower(unit);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "kb" || lower == "k") return "write kB for 1000 bytes or KiB for 1024";
  if (lower == "m" || lower == "mb") return "write MB for 1000000 bytes or MiB for 1048576";
  if (lower == "g" || lower == "gb") return "write GB for 1000^3 bytes or GiB for 1024^3";
  for (const Unit& known : kUnits) {
    std::string known_lower(known.name);
    std::ranges::transform(known_lower, known_lower.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    if (known_lower == lower) return fmt::format("the unit is spelt {}", known.name);
  }
  return fmt::format("unknown unit '{}'", unit);
}

}  // namespace

Result<uint64_t> ParseBytes(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return BadSize(text, "it is too large");
  if (error != std::errc()) return BadSize(text, "it does not start with a digit");
  std::string_view unit(rest, static_cast<size_t>(end - rest));
  if (unit.empty()) return number;
  if (unit.front() == '.' || unit.front() == ',')
    return BadSize(text, "fractions are not accepted");
  if (unit.front() == ' ') unit.remove_prefix(1);
  const auto* found = std::ranges::find(kUnits, unit, &Unit::name);
  if (found == std::end(kUnits)) return BadSize(text, WhyUnknownUnit(unit));
  if (number > std::numeric_limits<uint64_t>::max() / found->factor) {
    return BadSize(text, "it is too large");
  }
  return number * found->factor;
}

std::string FormatBytesExact(uint64_t bytes) {
  const Unit* best = &kUnits[0];
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return fmt::format("{}{}", bytes / best->factor, best->name);
}

std::string FormatBytesShort(double bytes) {
  if (bytes < 1000) return fmt::format("{:.0f} B", bytes);
  // The limits are where rounding to one decimal reaches the next unit.
  if (bytes < 999'950) return fmt::format("{:.1f} kB", bytes / 1e3);
  if (bytes < 999'950'000) return fmt::format("{:.2f} MB", bytes / 1e6);
  return fmt::format("{:.2f} GB", bytes / 1e9);
}

}  // namespace tinyrig::cli
