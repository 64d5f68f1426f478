#pragma once

#include <cstdint>

namespace tinyrig {

/// Outcome of an operation: the sixteen canonical gRPC codes and OK, one byte on the device wire.
/// Freestanding: usable in firmware. The numbers never change.
enum class Code : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,   ///< The input is wrong whatever the state of the system.
  kDeadlineExceeded = 4,  ///< Time ran out; the operation may or may not have happened.
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,   ///< Does not fit: memory, buffer, disk, quota.
  kFailedPrecondition = 9,  ///< Right request, wrong state.
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,     ///< A bug of ours.
  kUnavailable = 14,  ///< Worth trying again.
  kDataLoss = 15,     ///< A checksum, hash or verification failed.
  kUnauthenticated = 16,
};

}  // namespace tinyrig
