#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"

/// The metrics people meet, with words for them. Only for presentation and for catching typing
/// errors: a metric that is not in this table is shown all the same, by its name.
namespace tinyrig::cli {

enum class MetricKind : uint8_t { kCount, kBytes, kMicroseconds, kRatio, kFactor };

struct MetricInfo {
  std::string_view name;   ///< Key in JSON, SQL and goals: "instructions_p50".
  std::string_view title;  ///< For axes and table heads: "instructions per inference".
  MetricKind kind = MetricKind::kCount;
  std::string_view meaning;  ///< One sentence.
};

std::span<const MetricInfo> KnownMetrics();
/// Null when the table does not have it.
const MetricInfo* FindMetricInfo(std::string_view name);
/// The title, or the name itself when unknown.
std::string_view MetricTitle(std::string_view name);
MetricKind KindOfMetric(std::string_view name);

/// Refuses what cannot be a metric (letters, digits and '_' only) and what is one slip away from a
/// known one. Errors: kInvalidArgument, with the name probably meant.
Status CheckMetricName(std::string_view name);

/// For people: "7,698,445", "17.0 kB", "492.7 ms", "97.2 %".
std::string FormatMetric(std::string_view name, double value);

/// A unit for people: nothing for "1" (counts and ratios), "µs" for "us", else as it is.
std::string UnitText(const std::string& unit);

/// The measurement of this name; null when the job has none.
const v1::Measurement* FindMeasurement(const v1::JobResult& result, std::string_view name);

/// FormatMetric() of a job's measurement; empty when there is none.
std::string FormatMeasurement(const v1::JobResult& result, std::string_view name);

}  // namespace tinyrig::cli
