#include <algorithm>
#include <cstdint>
#include <ctime>

#include "firmware/ports/native/native.h"
#include "firmware/ports/port.h"

/// Nanoseconds of the host's monotonic clock: what else the host did meanwhile is in the number.
/// Nothing here is exact.
namespace tinyrig::port {
namespace {

constinit uint64_t start_ns = 0;
constinit uint64_t empty_window_ns = 0;

uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void CounterStart() { start_ns = NowNs(); }

uint32_t CounterStop() {
  const uint64_t window = NowNs() - start_ns;
  const uint64_t ticks = window - std::min(window, empty_window_ns);
  return static_cast<uint32_t>(std::min<uint64_t>(ticks, device::kTicksOverflow));
}

void InitCounter() {
  // The fastest of many: an interruption makes a window longer, never shorter.
  uint64_t fastest = UINT64_MAX;
  for (int i = 0; i < 1000; ++i) {
    CounterStart();
    fastest = std::min<uint64_t>(fastest, CounterStop());
  }
  empty_window_ns = fastest;
}

}  // namespace tinyrig::port
