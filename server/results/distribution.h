#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinyrig::server {

/// Summary of repeated measurements of one quantity.
struct Distribution {
  size_t count = 0;
  double min = 0;
  double mean = 0;
  double p50 = 0;  ///< Percentiles by nearest rank: the ceil(p/100 * count)-th smallest value, so
  double p90 = 0;  ///< always a value that was measured, never an interpolation.
  double p99 = 0;
  double max = 0;
  double sd = 0;  ///< Sample standard deviation (divisor count - 1); 0 for a single value.
};

/// All zero for no values. Values up to 2^53 are exact.
Distribution Summarize(std::vector<double> values);

/// Whole events that `ticks` of a counter at `counter_hz` stand for, when events happen at
/// `event_hz`: ceil(ticks * event_hz / counter_hz), in integers. With a counter faster than the
/// events (an emulator at 1.6 ticks an instruction) the ceiling is exact: the counter shows
/// floor(events * counter_hz / event_hz). 0 when counter_hz is 0.
uint64_t EventsFromTicks(uint64_t ticks, uint64_t event_hz, uint64_t counter_hz);

}  // namespace tinyrig::server
