#include "server/results/distribution.h"

#include <algorithm>
#include <cmath>

namespace tinyrig::server {
namespace {

double NearestRank(const std::vector<double>& sorted, size_t percent) {
  const size_t rank = (percent * sorted.size() + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

}  // namespace

Distribution Summarize(std::vector<double> values) {
  Distribution d;
  d.count = values.size();
  if (values.empty()) return d;
  std::sort(values.begin(), values.end());
  d.min = values.front();
  d.max = values.back();
  d.p50 = NearestRank(values, 50);
  d.p90 = NearestRank(values, 90);
  d.p99 = NearestRank(values, 99);
  // Around the minimum: sums of large, nearly equal counts stay exact.
  double sum = 0;
  for (double value : values) sum += value - d.min;
  const double offset = sum / static_cast<double>(values.size());
  d.mean = d.min + offset;
  if (values.size() > 1) {
    double squares = 0;
    for (double value : values) {
      const double delta = value - d.min - offset;
      squares += delta * delta;
    }
    d.sd = std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  return d;
}

uint64_t EventsFromTicks(uint64_t ticks, uint64_t event_hz, uint64_t counter_hz) {
  if (counter_hz == 0) return 0;
  const auto product = static_cast<unsigned __int128>(ticks) * event_hz;
  return static_cast<uint64_t>((product + counter_hz - 1) / counter_hz);
}

}  // namespace tinyrig::server
