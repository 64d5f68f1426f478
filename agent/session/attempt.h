#pragma once

#include <filesystem>
#include <string>

#include "agent/session/board.h"
#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// Where an attempt gets its files. Implemented by the uplink (fetched, hash checked, cached).
class ArtifactSource {
 public:
  virtual ~ArtifactSource() = default;
  /// Path of a local file whose SHA-256 is `ref`'s; it stays there for the time of the attempt.
  /// Errors: kNotFound: the server does not have it. kUnavailable, kDataLoss, kDeadlineExceeded.
  virtual Awaitable<Result<std::filesystem::path>> Get(v1::ArtifactRef ref, Deadline deadline) = 0;
};

/// Who wants to know how an attempt goes on. Calls do not block.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// `phase`: "fetch", "flash", "hello", "start", "stream", "observe", "marks". `log` may be empty.
  virtual void Progress(std::string phase, uint32_t done, uint32_t total, std::string log) = 0;
};

/// Runs one job on one board from flashing to the last result. Never throws, never returns without
/// a result: a failure has its owner, message and evidence in it. Honours the offer's deadline;
/// when the coroutine is cancelled it closes the link, kills its children and ends. `boards` are
/// all boards of the bench (crossed cables are found by asking the others); `board` is one of them
/// and marked busy by the caller.
Awaitable<v1::AttemptResult> RunAttempt(v1::LeaseOffer offer, Board& board, const Boards& boards,
                                        ArtifactSource& artifacts, ProgressSink& progress);

}  // namespace tinyrig::agent
