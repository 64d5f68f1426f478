#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/cli/report/plot.h"

namespace tinyrig::cli {
namespace {

constexpr double kLogRatio = 40;

/// The smallest of 1, 2, 5 times a power of ten that is not below `raw`.
double NiceStep(double raw) {
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * 0.999) return factor * power;
  }
  return 10 * power;
}

AxisScale LinearScale(double lo, double hi, int tick_count) {
  AxisScale scale;
  const double spread = hi - lo;
  const double air = spread > 0 ? spread * 0.10 : std::max(std::abs(hi) * 0.1, 0.5);
  // Zero is the honest origin, but not at the price of squeezing everything into a corner.
  scale.lo = lo >= 0 && lo < hi * 0.3 ? 0 : lo - air;
  if (lo >= 0) scale.lo = std::max(scale.lo, 0.0);
  scale.hi = hi + air;
  const double step = NiceStep((scale.hi - scale.lo) / tick_count);
  const auto first = static_cast<long long>(std::ceil(scale.lo / step - 1e-9));
  for (long long i = first; static_cast<double>(i) * step <= scale.hi * (1 + 1e-9); ++i) {
    scale.ticks.push_back(static_cast<double>(i) * step);
  }
  return scale;
}

AxisScale LogScale(double lo, double hi, int tick_count) {
  AxisScale scale;
  scale.logarithmic = true;
  scale.lo = lo / 1.4;
  scale.hi = hi * 1.4;
  const double decades = std::log10(scale.hi / scale.lo);
  const bool fine = decades * 3 <= tick_count + 2;
  for (double power = std::pow(10, std::floor(std::log10(scale.lo))); power <= scale.hi;
       power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor != 1.0 && !fine) continue;
      const double tick = factor * power;
      if (tick >= scale.lo && tick <= scale.hi) scale.ticks.push_back(tick);
    }
  }
  return scale;
}

struct Prefix {
  double factor;
  const char* bytes;
  const char* count;
  const char* time;
};
constexpr Prefix kPrefixes[] = {{1e9, " GB", " G", ""},
                                {1e6, " MB", " M", " s"},
                                {1e3, " kB", " k", " ms"},
                                {1, " B", "", " µs"}};

int Decimals(double step) {
  if (step <= 0) return 0;
  return std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 4);
}

}  // namespace

double AxisScale::Fraction(double value) const {
  if (logarithmic) return std::log(value / lo) / std::log(hi / lo);
  return (value - lo) / (hi - lo);
}

AxisScale MakeScale(const std::vector<double>& values, int tick_count) {
  if (values.empty()) return LinearScale(0, 1, tick_count);
  const auto [lo, hi] = std::ranges::minmax(values);
  if (lo > 0 && hi / lo > kLogRatio) return LogScale(lo, hi, tick_count);
  return LinearScale(lo, hi, tick_count);
}

std::string TickLabel(MetricKind kind, double value, double step, double largest) {
  if (kind == MetricKind::kRatio)
    return fmt::format("{:.{}f} %", value * 100, Decimals(step * 100));
  if (value == 0) return "0";
  for (const Prefix& prefix : kPrefixes) {
    const char* unit = kind == MetricKind::kBytes          ? prefix.bytes
                       : kind == MetricKind::kMicroseconds ? prefix.time
                                                           : prefix.count;
    const bool has_unit = kind == MetricKind::kCount || *unit != '\0';
    if (has_unit && (largest >= prefix.factor * 0.9999 || prefix.factor == 1)) {
      return fmt::format("{:.{}f}{}", value / prefix.factor, Decimals(step / prefix.factor), unit);
    }
  }
  return fmt::format("{:g}", value);
}

}  // namespace tinyrig::cli
