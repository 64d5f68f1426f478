#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

#define DISTRIBUTION(name, unit, what)                                         \
  {name "_min", unit, what ", smallest"}, {name "_mean", unit, what ", mean"}, \
      {name "_p50", unit, what ", median (nearest rank)"},                     \
      {name "_p90", unit, what ", 90th percentile (nearest rank)"},            \
      {name "_p99", unit, what ", 99th percentile (nearest rank)"},            \
      {name "_max", unit, what ", largest"}, {                                 \
    name "_sd", unit, what ", sample standard deviation"                       \
  }

constexpr Metric kMetrics[] = {
    DISTRIBUTION("instructions", "instructions", "instructions of one inference"),
    DISTRIBUTION("cycles", "cycles", "core clock cycles of one inference"),
    DISTRIBUTION("latency_us", "us", "time of one inference (virtual time on emulated boards)"),
    {"macs", "MAC", "multiply-accumulates of one inference"},
    {"mac_factor", "1", "MACs of the fused layers by those of the same layers one by one, planned"},
    {"fused_macs", "MAC", "multiply-accumulates of the fused layers, counted as they ran"},
    {"arena_without_io_bytes", "B",
     "RAM for activations and scratch but the network's input and output, planned"},
    {"arena_bytes", "B", "RAM for activations and scratch, planned"},
    {"arena_used_bytes", "B", "RAM of the arena that was written"},
    {"stack_used_bytes", "B", "stack that was written"},
    {"ram_model_bytes", "B",
     "RAM the variant needs: arena + static data of the runtime + stack used"},
    {"ram_rig_bytes", "B", "RAM only the measuring firmware needs"},
    {"blob_bytes", "B", "packed model: weights, tables, graph"},
    {"flash_model_bytes", "B", "flash the variant needs: blob + runtime core + kernels it uses"},
    {"flash_rig_bytes", "B", "flash only the measuring firmware needs, unused kernels included"},
    {"flash_total_bytes", "B", "flash written: blob + firmware"},
    {"accuracy_top1", "1", "share of vectors whose largest output is the label"},
    {"output_mismatches", "1", "vectors whose output differs from the host reference"},
    {"vectors", "1", "vectors measured"},
    {"repetitions", "1", "timed inferences of each vector"},
};
#undef DISTRIBUTION

}  // namespace

std::span<const Metric> Metrics() { return kMetrics; }

const Metric* FindMetric(std::string_view name) {
  for (const Metric& metric : kMetrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::vector<std::string_view> MetricNames() {
  std::vector<std::string_view> names;
  for (const Metric& metric : kMetrics) names.push_back(metric.name);
  return names;
}

}  // namespace tinyrig::server
