#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/model/plan_facts.h"

/// From the raw samples of an attempt to measurements and a verdict. Pure; can be redone from the
/// stored samples.
namespace tinyrig::server {

/// What a vector set must give, computed on the host with the reference kernels.
struct Expected {
  uint32_t vector_count = 0;
  uint32_t output_bytes = 0;  ///< Of one vector, all outputs.
  uint32_t vector_set_crc32c = 0;
  std::vector<uint32_t> input_crc32c;  ///< One a vector.
  std::vector<std::byte> outputs;      ///< [vector_count, output_bytes], row-major.
  std::vector<int64_t> labels;         ///< One a vector; empty when the set has none.
  std::vector<std::string> names;  ///< "A", "B" for patterns; else empty: the index is the name.

  std::span<const std::byte> Output(uint32_t vector) const {
    return std::span(outputs).subspan(size_t{vector} * output_bytes, output_bytes);
  }
};

/// What was asked for.
struct EvaluationRequest {
  uint32_t repetitions = 1;
  v1::Limits limits;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  uint64_t clock_hz = 0;  ///< Of the core of such boards; 0 = not known, not checked.
};

struct Evaluation {
  std::optional<v1::Failure> failure;  ///< None: the job succeeded.
  std::vector<v1::Measurement> measurements;
  std::vector<v1::LayerHash> layers;
};

/// Costs known before a board is touched: macs, arena_bytes, blob_bytes, flash_*, ram_rig_bytes.
std::vector<v1::Measurement> PlannedMeasurements(const PlanFacts& facts, v1::Fidelity fidelity);

/// Judges the attempt. The agent's own failure is passed on. Otherwise, in this order:
///   bench       the device saw other vectors than were meant (CRC), or an output and its CRC
///   disagree service     a vector or repetition is missing, or appears twice variant     an output
///   differs from the host reference or between repetitions: metric output_mismatches and,
///               as evidence, the first differing vector with its bytes; nothing else is measured
///               then but costs
///   infeasible  an inference was longer than the counter holds, or a limit of the campaign is
///               exceeded by what was measured
/// Counter kinds (proto/device/messages.h): virtual instructions give instructions_* and
/// latency_us_* in virtual time, cycles give cycles_* and latency_us_*, a host clock gives
/// latency_us_* only.
Evaluation Evaluate(const v1::AttemptResult& result, const PlanFacts& facts,
                    const Expected& expected, const EvaluationRequest& request);

}  // namespace tinyrig::server
