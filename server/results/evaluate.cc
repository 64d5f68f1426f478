#include "server/results/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proto/device/crc32c.h"
#include "proto/device/messages.h"
#include "proto/status/code.h"
#include "server/results/distribution.h"
#include "server/results/layers.h"
#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

v1::Failure MakeFailure(v1::FailureOwner owner, Code code, std::string message,
                        std::vector<std::string> evidence = {}) {
  v1::Failure failure;
  failure.set_owner(owner);
  failure.set_code(static_cast<uint32_t>(code));
  failure.set_message(std::move(message));
  for (std::string& line : evidence) failure.add_evidence(std::move(line));
  return failure;
}

class MeasurementList {
 public:
  explicit MeasurementList(v1::Fidelity fidelity) : fidelity_(fidelity) {}

  void Add(std::string_view metric, double value, std::string_view method) {
    const Metric* known = FindMetric(metric);
    v1::Measurement m;
    m.set_metric(std::string(metric));
    m.set_value(value);
    m.set_unit(known == nullptr ? "" : std::string(known->unit));
    m.set_fidelity(fidelity_);
    m.set_method(std::string(method));
    list_.push_back(std::move(m));
  }

  void AddDistribution(const std::string& stem, const Distribution& d, std::string_view method) {
    const std::pair<const char*, double> parts[] = {
        {"_min", d.min}, {"_mean", d.mean}, {"_p50", d.p50}, {"_p90", d.p90},
        {"_p99", d.p99}, {"_max", d.max},   {"_sd", d.sd}};
    for (const auto& [suffix, value] : parts) Add(stem + suffix, value, method);
  }

  std::vector<v1::Measurement> Take() { return std::move(list_); }

 private:
  v1::Fidelity fidelity_;
  std::vector<v1::Measurement> list_;
};

std::string HexBytes(std::span<const std::byte> bytes) {
  constexpr size_t kShown = 32;
  std::string text;
  for (std::byte b : bytes.first(std::min(bytes.size(), kShown))) {
    text += fmt::format("{:02x}", static_cast<unsigned>(b));
  }
  return bytes.size() > kShown ? text + "..." : text;
}

// The device's answers, one entry a vector.
struct Answers {
  std::vector<uint32_t> output_crc32c;
  std::vector<std::span<const std::byte>> outputs;  // Empty where the device sent only the CRC.
  std::vector<double> ticks;                        // Of all timed inferences.
  std::optional<std::pair<uint32_t, uint32_t>>
      unstable;  // (vector, repetition) that answered differently.
};

std::optional<v1::Failure> CheckSamples(const v1::AttemptResult& result, const Expected& expected,
                                        uint32_t repetitions, Answers* answers) {
  if (result.vector_set_crc32c() != expected.vector_set_crc32c) {
    return MakeFailure(
        v1::FAILURE_OWNER_SERVICE, Code::kDataLoss,
        fmt::format(
            "the agent streamed other vectors than the campaign's: CRC-32C {:08x}, expected "
            "{:08x}; clear the agent's cache",
            result.vector_set_crc32c(), expected.vector_set_crc32c));
  }
  const uint32_t count = expected.vector_count;
  std::vector<bool> seen(size_t{count} * repetitions, false);
  answers->output_crc32c.assign(count, 0);
  answers->outputs.assign(count, {});
  std::vector<bool> has_crc(count, false);
  for (const v1::InferenceSample& sample : result.samples()) {
    if (sample.warmup()) continue;
    const uint32_t vector = sample.vector_index();
    const uint32_t repetition = sample.repetition();
    if (vector >= count || repetition >= repetitions ||
        seen[size_t{vector} * repetitions + repetition]) {
      return MakeFailure(
          v1::FAILURE_OWNER_SERVICE, Code::kInternal,
          fmt::format("the agent reported vector {} repetition {} which was not asked for or was "
                      "reported before; update the agent",
                      vector, repetition));
    }
    seen[size_t{vector} * repetitions + repetition] = true;
    if (sample.input_crc32c() != expected.input_crc32c[vector]) {
      return MakeFailure(
          v1::FAILURE_OWNER_BENCH, Code::kDataLoss,
          fmt::format(
              "the device saw other bytes than vector {}: CRC-32C {:08x}, sent {:08x}; check "
              "the link",
              vector, sample.input_crc32c(), expected.input_crc32c[vector]));
    }
    if (has_crc[vector] && answers->output_crc32c[vector] != sample.output_crc32c() &&
        !answers->unstable) {
      answers->unstable = {vector, repetition};
    }
    if (!has_crc[vector]) answers->output_crc32c[vector] = sample.output_crc32c();
    has_crc[vector] = true;
    answers->ticks.push_back(sample.ticks());
  }
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing != seen.end()) {
    const auto index = static_cast<size_t>(missing - seen.begin());
    return MakeFailure(
        v1::FAILURE_OWNER_SERVICE, Code::kDataLoss,
        fmt::format("the agent's result lacks vector {} repetition {}; the attempt is repeated",
                    index / repetitions, index % repetitions));
  }
  return std::nullopt;
}

std::optional<v1::Failure> CollectOutputs(const v1::AttemptResult& result, const Expected& expected,
                                          Answers* answers) {
  for (const v1::VectorOutput& output : result.outputs()) {
    const uint32_t vector = output.vector_index();
    if (vector >= expected.vector_count) continue;
    const uint32_t crc = device::Crc32c(output.data().data(), output.data().size());
    if (crc != answers->output_crc32c[vector]) {
      return MakeFailure(
          v1::FAILURE_OWNER_BENCH, Code::kDataLoss,
          fmt::format("the output of vector {} arrived with CRC-32C {:08x}, the device computed "
                      "{:08x}; check the link",
                      vector, crc, answers->output_crc32c[vector]));
    }
    answers->outputs[vector] = std::as_bytes(std::span(output.data().data(), output.data().size()));
  }
  // A CRC alone is as good as the bytes where it equals that of the expected bytes.
  for (uint32_t vector = 0; vector < expected.vector_count; ++vector) {
    const auto wanted = expected.Output(vector);
    if (answers->outputs[vector].empty() &&
        device::Crc32c(wanted.data(), wanted.size()) == answers->output_crc32c[vector]) {
      answers->outputs[vector] = wanted;
    }
  }
  return std::nullopt;
}

/// The counter is of the kind that the board type's fidelity promises, the core runs at the type's
/// clock, and the counter held every window.
std::optional<v1::Failure> CheckCounter(const v1::Identity& identity,
                                        const EvaluationRequest& request, const Answers& answers) {
  if (identity.clock_hz() == 0 || identity.counter_hz() == 0) {
    return MakeFailure(v1::FAILURE_OWNER_SERVICE, Code::kInternal,
                       "the agent's result lacks the clock of the board; update the agent");
  }
  using device::CounterKind;
  const auto kind = static_cast<CounterKind>(identity.counter_kind());
  const CounterKind wanted = request.fidelity == v1::FIDELITY_EMULATED
                                 ? CounterKind::kVirtualInstructions
                             : request.fidelity == v1::FIDELITY_NATIVE ? CounterKind::kHostClock
                                                                       : CounterKind::kCycles;
  if (kind != wanted) {
    return MakeFailure(v1::FAILURE_OWNER_BENCH, Code::kFailedPrecondition,
                       fmt::format("the board counts in another way (kind {}) than its type says "
                                   "(kind {}); check the board's type in the bench file, or that "
                                   "its cycle counter runs",
                                   identity.counter_kind(), static_cast<int>(wanted)));
  }
  if (request.clock_hz != 0 && identity.clock_hz() != request.clock_hz) {
    return MakeFailure(
        v1::FAILURE_OWNER_BENCH, Code::kFailedPrecondition,
        fmt::format("the board's core runs at {} Hz, boards of its type at {} Hz; its PLL or "
                    "external clock did not start: check the crystal, the solder bridges of the "
                    "clock and the board's type in the bench file",
                    identity.clock_hz(), request.clock_hz));
  }
  if (std::ranges::find(answers.ticks, double{device::kTicksOverflow}) != answers.ticks.end()) {
    return MakeFailure(
        v1::FAILURE_OWNER_INFEASIBLE, Code::kOutOfRange,
        fmt::format("one inference takes longer than the board's counter holds ({:.1f} s of its "
                    "clock); measure a smaller model or faster kernels",
                    double{device::kTicksOverflow} / identity.counter_hz()));
  }
  return std::nullopt;
}

struct Comparison {
  uint32_t mismatches = 0;
  std::vector<std::string> evidence;
};

Comparison CompareWithReference(const Expected& expected, const Answers& answers) {
  Comparison comparison;
  for (uint32_t vector = 0; vector < expected.vector_count; ++vector) {
    const auto wanted = expected.Output(vector);
    const auto got = answers.outputs[vector];
    if (std::ranges::equal(wanted, got)) continue;
    if (comparison.mismatches++ > 0) continue;
    const auto differs = std::ranges::mismatch(wanted, got);
    comparison.evidence = {
        fmt::format("first differing vector: {}, byte {} of {}", vector,
                    differs.in1 - wanted.begin(), wanted.size()),
        fmt::format("host reference: {}", HexBytes(wanted)),
        fmt::format("device: {}", got.empty()
                                      ? fmt::format("CRC-32C {:08x}", answers.output_crc32c[vector])
                                      : HexBytes(got))};
  }
  return comparison;
}

template <typename T>
size_t ArgMax(std::span<const std::byte> bytes) {
  size_t best = 0;
  T best_value{};
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    if (i == 0 || value > best_value) {
      best = i;
      best_value = value;
    }
  }
  return best;
}

std::optional<double> Accuracy(const PlanFacts& facts, const Expected& expected,
                               const Answers& answers) {
  if (expected.labels.size() != expected.vector_count || expected.vector_count == 0 ||
      facts.first_output_type == OutputType::kOther) {
    return std::nullopt;
  }
  uint32_t right = 0;
  for (uint32_t vector = 0; vector < expected.vector_count; ++vector) {
    const auto output = answers.outputs[vector];
    const auto first = output.first(std::min<size_t>(output.size(), facts.first_output_bytes));
    const size_t top =
        facts.first_output_type == OutputType::kInt8 ? ArgMax<int8_t>(first) : ArgMax<float>(first);
    if (static_cast<int64_t>(top) == expected.labels[vector]) ++right;
  }
  return static_cast<double>(right) / expected.vector_count;
}

void AddTimes(const v1::Identity& identity, const std::vector<double>& ticks,
              MeasurementList* list) {
  const auto kind = static_cast<device::CounterKind>(identity.counter_kind());
  const bool counts_events =
      kind == device::CounterKind::kVirtualInstructions || kind == device::CounterKind::kCycles;
  std::vector<double> events, times_us;
  for (double t : ticks) {
    if (counts_events) {
      const auto n = static_cast<double>(
          EventsFromTicks(static_cast<uint64_t>(t), identity.clock_hz(), identity.counter_hz()));
      events.push_back(n);
      times_us.push_back(n * 1e6 / identity.clock_hz());
    } else {
      times_us.push_back(t * 1e6 / identity.counter_hz());
    }
  }
  if (kind == device::CounterKind::kVirtualInstructions) {
    list->AddDistribution("instructions", Summarize(events), "counted on the device");
    list->AddDistribution("latency_us", Summarize(times_us), "virtual time: instructions / clock");
  } else if (kind == device::CounterKind::kCycles) {
    list->AddDistribution("cycles", Summarize(events), "counted on the device");
    list->AddDistribution("latency_us", Summarize(times_us), "cycles / clock");
  } else {
    list->AddDistribution("latency_us", Summarize(times_us), "clock of the host");
  }
}

// What the device wrote of its memory, and so the RAM that the variant really needed. 0: nothing
// was read.
uint64_t AddMemory(const v1::AttemptResult& result, const PlanFacts& facts, MeasurementList* list) {
  if (!result.has_marks()) return 0;
  constexpr std::string_view kMethod = "paint of the job's nonce, read through the probe";
  const uint64_t stack = result.marks().stack_used_bytes();
  const uint64_t ram = facts.arena_bytes + facts.ram_static_bytes + stack;
  list->Add("arena_used_bytes", result.marks().arena_used_bytes(), kMethod);
  list->Add("stack_used_bytes", static_cast<double>(stack), kMethod);
  list->Add("ram_model_bytes", static_cast<double>(ram),
            "plan + linker map + painted stack, read through the probe");
  return ram;
}

// MACs of fused phases over one vector; nothing when no run showed the layers.
std::optional<uint64_t> CountedMacs(const v1::AttemptResult& result) {
  if (result.layers().empty()) return std::nullopt;
  uint64_t macs = 0;
  for (const v1::LayerSample& sample : result.layers()) {
    if (sample.vector_index() == result.layers(0).vector_index()) macs += sample.macs();
  }
  return macs;
}

// The counted MACs of fused phases, and a failure when the plan has others.
std::optional<v1::Failure> AddFusedMacs(const v1::AttemptResult& result, const PlanFacts& facts,
                                        MeasurementList* list) {
  const std::optional<uint64_t> counted = CountedMacs(result);
  if (facts.fused_macs_unfused == 0 || !counted) return std::nullopt;
  list->Add("fused_macs", static_cast<double>(*counted), "counted on the device");
  if (*counted == facts.fused_macs) return std::nullopt;
  return MakeFailure(v1::FAILURE_OWNER_VARIANT, Code::kDataLoss,
                     fmt::format("the fused layers took {} MACs on the device, the plan has {}; "
                                 "build firmware and server from the same source",
                                 *counted, facts.fused_macs));
}

}  // namespace

std::vector<v1::Measurement> PlannedMeasurements(const PlanFacts& facts, v1::Fidelity fidelity) {
  MeasurementList list(fidelity);
  list.Add("macs", static_cast<double>(facts.macs), "plan");
  list.Add("arena_bytes", static_cast<double>(facts.arena_bytes), "plan");
  if (facts.fused_macs_unfused > 0) {
    list.Add("mac_factor",
             static_cast<double>(facts.fused_macs) / static_cast<double>(facts.fused_macs_unfused),
             "plan");
  }
  if (facts.fused_peak_without_io_bytes > 0) {
    list.Add("arena_without_io_bytes", static_cast<double>(facts.fused_peak_without_io_bytes),
             "plan");
  }
  list.Add("blob_bytes", static_cast<double>(facts.blob_bytes), "plan");
  list.Add("flash_model_bytes", static_cast<double>(facts.flash_model_bytes), "plan + linker map");
  list.Add("flash_rig_bytes",
           static_cast<double>(facts.flash_total_bytes - facts.flash_model_bytes), "linker map");
  list.Add("flash_total_bytes", static_cast<double>(facts.flash_total_bytes), "plan + linker map");
  list.Add("ram_rig_bytes", static_cast<double>(facts.ram_rig_bytes), "linker map");
  return list.Take();
}

Evaluation Evaluate(const v1::AttemptResult& result, const PlanFacts& facts,
                    const Expected& expected, const EvaluationRequest& request) {
  const v1::Fidelity fidelity = request.fidelity;
  Evaluation evaluation;
  evaluation.measurements = PlannedMeasurements(facts, fidelity);
  if (result.has_failure()) {
    evaluation.failure = result.failure();
    return evaluation;
  }
  evaluation.layers = MakeLayers(result, facts, expected.names);
  Answers answers;
  evaluation.failure = CheckSamples(result, expected, request.repetitions, &answers);
  if (!evaluation.failure) evaluation.failure = CollectOutputs(result, expected, &answers);
  if (!evaluation.failure) evaluation.failure = CheckCounter(result.identity(), request, answers);
  if (evaluation.failure) return evaluation;

  MeasurementList list(fidelity);
  list.Add("vectors", expected.vector_count, "counted");
  list.Add("repetitions", request.repetitions, "counted");
  const Comparison comparison = CompareWithReference(expected, answers);
  list.Add("output_mismatches", comparison.mismatches,
           "compared with the host reference, byte for byte");
  const uint64_t ram_model_bytes = AddMemory(result, facts, &list);
  std::optional<v1::Failure> other_macs = AddFusedMacs(result, facts, &list);
  if (comparison.mismatches > 0) {
    evaluation.failure = MakeFailure(v1::FAILURE_OWNER_VARIANT, Code::kDataLoss,
                                     fmt::format("{} of {} outputs differ from the host reference; "
                                                 "compare the layer hashes of a run with "
                                                 "layer_hashes to find the operator",
                                                 comparison.mismatches, expected.vector_count),
                                     comparison.evidence);
  } else if (answers.unstable) {
    evaluation.failure =
        MakeFailure(v1::FAILURE_OWNER_VARIANT, Code::kDataLoss,
                    fmt::format("vector {} gave another output in repetition {} than before: the "
                                "variant is not deterministic, "
                                "look for memory it reads and nobody wrote",
                                answers.unstable->first, answers.unstable->second));
  } else if (other_macs) {
    evaluation.failure = std::move(other_macs);
  } else {
    AddTimes(result.identity(), answers.ticks, &list);
    if (const auto accuracy = Accuracy(facts, expected, answers)) {
      list.Add("accuracy_top1", *accuracy, "device outputs against the labels of the vector set");
    }
    const uint64_t limit = request.limits.ram_model_bytes();
    if (limit != 0 && ram_model_bytes > limit) {
      evaluation.failure = MakeFailure(v1::FAILURE_OWNER_INFEASIBLE, Code::kResourceExhausted,
                                       fmt::format("the variant needs {} B of RAM with the stack "
                                                   "it used, the campaign allows {} B; raise "
                                                   "limits.ram_model_bytes or shrink the model",
                                                   ram_model_bytes, limit));
    }
  }
  for (v1::Measurement& m : list.Take()) evaluation.measurements.push_back(std::move(m));
  return evaluation;
}

}  // namespace tinyrig::server
