#pragma once

#include <span>
#include <string_view>
#include <vector>

/// The metrics this server knows: one table, so that a name means one thing in YAML, JSON, SQL and
/// on fronts.
namespace tinyrig::server {

struct Metric {
  std::string_view name;     ///< As in JSON keys and SQL: "instructions_p50".
  std::string_view unit;     ///< "instructions", "us", "B", "1" for ratios and counts.
  std::string_view meaning;  ///< One line for people.
};

std::span<const Metric> Metrics();
/// nullptr when the name is not known.
const Metric* FindMetric(std::string_view name);
std::vector<std::string_view> MetricNames();

}  // namespace tinyrig::server
