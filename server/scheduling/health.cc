#include "server/scheduling/health.h"

#include <fmt/format.h>

#include "proto/status/code.h"

namespace tinyrig::server {
namespace {

BoardCondition AfterReference(BoardCondition now, const AttemptVerdict& verdict) {
  switch (verdict.owner) {
    case v1::FAILURE_OWNER_UNSPECIFIED:
      return {v1::BOARD_HEALTH_GOOD, "", now.ever_suspect};
    case v1::FAILURE_OWNER_SERVICE:
      return now;
    default:
      if (!verdict.final) return now;
      return {v1::BOARD_HEALTH_QUARANTINED, "the reference job failed: " + verdict.message, true};
  }
}

}  // namespace

BoardCondition NextCondition(BoardCondition now, const AttemptVerdict& verdict, bool can_refer) {
  if (verdict.reference) return AfterReference(std::move(now), verdict);
  if (verdict.owner == v1::FAILURE_OWNER_BENCH && now.health == v1::BOARD_HEALTH_GOOD) {
    return {v1::BOARD_HEALTH_SUSPECT, verdict.message, true};
  }
  if (verdict.owner == v1::FAILURE_OWNER_UNSPECIFIED && now.health == v1::BOARD_HEALTH_SUSPECT &&
      !can_refer) {
    return {v1::BOARD_HEALTH_GOOD, "", now.ever_suspect};
  }
  return now;
}

std::optional<ReferenceCount> CountOf(std::span<const v1::Measurement> measurements) {
  for (const v1::Measurement& m : measurements) {
    if (m.metric() == "instructions_p50" || m.metric() == "cycles_p50") {
      return ReferenceCount{m.metric(), static_cast<uint64_t>(m.value())};
    }
  }
  return std::nullopt;
}

std::optional<v1::Failure> CompareCounts(const std::optional<ReferenceCount>& counted,
                                         const ReferenceCount& expected,
                                         std::string_view learned_from) {
  if (counted && counted->metric == expected.metric && counted->value == expected.value) {
    return std::nullopt;
  }
  v1::Failure failure;
  failure.set_owner(v1::FAILURE_OWNER_BENCH);
  failure.set_code(static_cast<uint32_t>(Code::kFailedPrecondition));
  const std::string found =
      counted ? fmt::format("{} {}", counted->metric, counted->value) : "no count";
  failure.set_message(
      fmt::format("the outputs are right but the count is not: {}, a good board has {}. Another "
                  "clock, or another board than its type says?",
                  found, expected.value));
  failure.add_evidence(fmt::format("{} {} was learned from board {}", expected.metric,
                                   expected.value, learned_from));
  return failure;
}

}  // namespace tinyrig::server
