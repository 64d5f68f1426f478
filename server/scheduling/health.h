#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/tinyrig/v1/results.pb.h"
#include "proto/tinyrig/v1/types.pb.h"

/// What becomes of a board's health: pure rules.
///
///   good --bench failure--> suspect --reference job passes--> good
///                              |
///                              +----reference job fails-----> quarantined
///   quarantined --recovery: power cycle, known image, reference job passes--> good
///
/// A reference job is a job of the server's own: a model whose outputs and whose exact count are
/// known, pinned to one board.
namespace tinyrig::server {

struct BoardCondition {
  v1::BoardHealth health = v1::BOARD_HEALTH_GOOD;
  std::string reason;         ///< Why it is not good; empty when it is.
  bool ever_suspect = false;  ///< Such a board never teaches what others are judged by.

  bool operator==(const BoardCondition&) const = default;
};

/// How an attempt ended, as far as its board is concerned.
struct AttemptVerdict {
  v1::FailureOwner owner = v1::FAILURE_OWNER_UNSPECIFIED;  ///< UNSPECIFIED: it succeeded.
  std::string message;                                     ///< Of the failure.
  bool reference = false;                                  ///< It was a reference job's.
  bool final = true;                                       ///< The job is not tried again.
};

/// `can_refer`: the server has a reference job for this type of board. Without one a suspect board
/// is good again after any success, and none is ever quarantined. Failures of variant and service
/// move nothing, but for a reference job: its model is known to work, so whatever is wrong with its
/// last attempt is the board's, unless it is the service's.
BoardCondition NextCondition(BoardCondition now, const AttemptVerdict& verdict, bool can_refer);

/// The exact count of a reference job: instructions or cycles of its one inference. None when the
/// board counts neither.
struct ReferenceCount {
  std::string metric;  ///< "instructions_p50" or "cycles_p50".
  uint64_t value = 0;
};
std::optional<ReferenceCount> CountOf(std::span<const v1::Measurement> measurements);

/// Why `counted` is not what a good board of the type counts for the same image; nothing when it
/// is. One count more or less is another clock, another core, another board.
std::optional<v1::Failure> CompareCounts(const std::optional<ReferenceCount>& counted,
                                         const ReferenceCount& expected,
                                         std::string_view learned_from);

}  // namespace tinyrig::server
