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

inline v1::Failure BenchFailure(const Status& status, std::vector<std::string> evidence = {}) {
  return MakeFailure(v1::FAILURE_OWNER_BENCH, status.code(), status.message(), std::move(evidence));
}

/// A value, or a Failure: what the steps of an attempt give.
template <typename T>
using StepResult = tl::expected<T, v1::Failure>;
struct Done {};

}  // namespace tinyrig::agent
