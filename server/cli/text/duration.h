#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::cli {

/// Microseconds since the epoch, by the wall clock.
int64_t NowUs();

/// "950 ms", "2.5 s", "12 s", "2 min 3 s", "1 d 2 h": from a minute on every unit that is not zero,
/// down to seconds.
std::string DurationText(int64_t duration_us);

/// Microseconds of "90s", "30m", "2h", "1d"; whole numbers only. Errors: kInvalidArgument for other
/// texts, zero and more than 365 days.
Result<int64_t> ParseDuration(std::string_view text);

/// Microseconds since the epoch of "2026-11-24 02:00", also with seconds, in UTC. Errors:
/// kInvalidArgument.
Result<int64_t> ParseTime(const std::string& text);

}  // namespace tinyrig::cli
