#pragma once

#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"

namespace tinyrig::agent {

/// A failure with its owner, as the server stores it. The message ends with what to try.
inline v1::Failure MakeFailure(v1::FailureOwner owner, Code code, std::string message,
                               std::vector<std::string> evidence = {}) {
  v1::Failure failure;
  failure.set_owner(owner);
  failure.set_code(static_cast<uint32_t>(code));
  failure.set_message(std::move(message));
  for (std::string& line : evidence) failure.add_evidence(std::move(line));
  return failure;
}

/// Of what the bench's instruments gave. kAborted, a tool that was ended from outside, says nothing
/// about the bench: the service's.
inline v1::Failure BenchFailure(const Status& status, std::vector<std::string> evidence = {}) {
  const auto owner =
      status.code() == Code::kAborted ? v1::FAILURE_OWNER_SERVICE : v1::FAILURE_OWNER_BENCH;
  return MakeFailure(owner, status.code(), status.message(), std::move(evidence));
}

/// A value, or a Failure: what the steps of an attempt give.
template <typename T>
using StepResult = tl::expected<T, v1::Failure>;
struct Done {};

}  // namespace tinyrig::agent
