#include "server/cli/campaign/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/cli/text/bytes.h"
#include "server/cli/text/suggest.h"
#include "server/cli/text/table.h"
#include "server/results/metrics.h"

namespace tinyrig::cli {
namespace {

using enum MetricKind;

constexpr MetricInfo kMetrics[] = {
    {"instructions_p50", "instructions per inference", kCount,
     "Median over the timed inferences, executed by the board's core."},
    {"instructions_min", "instructions, least", kCount,
     "The fewest instructions of a timed inference."},
    {"instructions_mean", "instructions, mean", kCount,
     "Arithmetic mean over the timed inferences."},
    {"instructions_p90", "instructions, 90th percentile", kCount,
     "Nearest-rank percentile over the timed inferences."},
    {"instructions_p99", "instructions, 99th percentile", kCount,
     "Nearest-rank percentile over the timed inferences."},
    {"instructions_max", "instructions, most", kCount,
     "The most instructions of a timed inference."},
    {"instructions_sd", "instructions, standard deviation", kCount,
     "Standard deviation over the timed inferences."},
    {"cycles_p50", "cycles per inference", kCount,
     "Median over the timed inferences; only hardware counts cycles."},
    {"latency_us_p50", "latency, median", kMicroseconds,
     "Median time of an inference; virtual time on emulated boards."},
    {"latency_us_min", "latency, least", kMicroseconds,
     "The quickest timed inference; virtual time on emulated boards."},
    {"latency_us_mean", "latency, mean", kMicroseconds,
     "Arithmetic mean; virtual time on emulated boards."},
    {"latency_us_p90", "latency, 90th percentile", kMicroseconds,
     "Nearest-rank percentile; virtual time on emulated boards."},
    {"latency_us_p99", "latency, 99th percentile", kMicroseconds,
     "Nearest-rank percentile; virtual time on emulated boards."},
    {"latency_us_max", "latency, most", kMicroseconds,
     "The slowest timed inference; virtual time on emulated boards."},
    {"latency_us_sd", "latency, standard deviation", kMicroseconds,
     "Standard deviation; virtual time on emulated boards."},
    {"flash_model_bytes", "flash of the model", kBytes,
     "Model blob, the kernels this variant uses and the runtime's core."},
    {"flash_total_bytes", "flash of the image", kBytes,
     "Everything that was written: the model's flash and the rig's."},
    {"flash_rig_bytes", "flash of the rig", kBytes, "What only the measuring firmware needs."},
    {"blob_bytes", "model blob", kBytes,
     "Weights, requantisation tables and the plan, as flashed."},
    {"ram_model_bytes", "RAM of the model", kBytes,
     "Arena, runtime state and the stack that inference used."},
    {"ram_rig_bytes", "RAM of the rig", kBytes, "Protocol and buffers of the measuring firmware."},
    {"arena_bytes", "arena, planned", kBytes,
     "Working memory for tensors, as the compiler planned it."},
    {"arena_used_bytes", "arena, touched", kBytes,
     "High-water mark of the painted arena, read through the probe."},
    {"stack_used_bytes", "stack, touched", kBytes,
     "High-water mark of the painted stack, read through the probe."},
    {"accuracy_top1", "accuracy (top 1)", kRatio,
     "Share of vectors whose largest output is the label."},
    {"output_mismatches", "vectors with wrong output", kCount,
     "Outputs that differ from the host reference in any byte."},
    {"macs", "multiply-accumulates", kCount,
     "Multiply-accumulate operations of one inference, by the model's shapes."},
    {"mac_factor", "factor of MACs", kFactor,
     "Multiply-accumulates of the fused layers by those of the same layers one by one."},
    {"fused_macs", "multiply-accumulates, fused", kCount,
     "What the fused layers multiplied, counted as they ran."},
    {"arena_without_io_bytes", "arena without in and out", kBytes,
     "Working memory without the network's input and output, as most of the literature counts."},
    {"vectors", "vectors", kCount, "Test inputs that were run."},
    {"repetitions", "repetitions", kCount, "Timed inferences per vector."},
};

std::string FormatMicroseconds(double us) {
  if (us < 1000) return fmt::format("{:.3g} µs", us);
  if (us < 1e6) return fmt::format("{:.2f} ms", us / 1e3);
  return fmt::format("{:.2f} s", us / 1e6);
}

}  // namespace

std::span<const MetricInfo> KnownMetrics() { return kMetrics; }

const MetricInfo* FindMetricInfo(std::string_view name) {
  const auto* found = std::ranges::find(kMetrics, name, &MetricInfo::name);
  return found == std::end(kMetrics) ? nullptr : found;
}

std::string_view MetricTitle(std::string_view name) {
  const MetricInfo* info = FindMetricInfo(name);
  return info == nullptr ? name : info->title;
}

MetricKind KindOfMetric(std::string_view name) {
  if (const MetricInfo* info = FindMetricInfo(name)) return info->kind;
  if (name.ends_with("_bytes")) return kBytes;
  if (name.find("_us") != std::string_view::npos) return kMicroseconds;
  return kCount;
}

Status CheckMetricName(std::string_view name) {
  if (server::FindMetric(name) != nullptr) return OkStatus();
  return {Code::kInvalidArgument, fmt::format("'{}' is not a metric{}", Printable(name),
                                              SuggestFrom(name, server::MetricNames()))};
}

std::string FormatMetric(std::string_view name, double value) {
  switch (KindOfMetric(name)) {
    case kBytes:
      return FormatBytesShort(value);
    case kMicroseconds:
      return FormatMicroseconds(value);
    case kRatio:
      return fmt::format("{:.2f} %", value * 100);
    case kFactor:
      return fmt::format("{:.3f}", value);
    case kCount:
      break;
  }
  return FormatNumber(value);
}

std::string UnitText(const std::string& unit) {
  return unit == "1" ? "" : unit == "us" ? "µs" : unit;
}

const v1::Measurement* FindMeasurement(const v1::JobResult& result, std::string_view name) {
  for (const v1::Measurement& measurement : result.measurements()) {
    if (measurement.metric() == name) return &measurement;
  }
  return nullptr;
}

std::string FormatMeasurement(const v1::JobResult& result, std::string_view name) {
  const v1::Measurement* measurement = FindMeasurement(result, name);
  return measurement == nullptr ? "" : FormatMetric(name, measurement->value());
}

}  // namespace tinyrig::cli
