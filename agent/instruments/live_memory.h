#pragma once

#include <cstdint>
#include <vector>

#include "agent/instruments/async.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// One step of a batch: writes `bytes`, or reads `words` 32-bit words.
struct MemoryAccess {
  uint32_t address = 0;  ///< Of reads: a multiple of 4.
  std::vector<uint8_t> bytes;
  uint32_t words = 0;
};

inline MemoryAccess WriteBytes(uint32_t address, std::vector<uint8_t> bytes) {
  return {address, std::move(bytes), 0};
}
inline MemoryAccess WriteWord(uint32_t address, uint32_t value) {
  std::vector<uint8_t> bytes(4);
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value >> 8 * i);
  return {address, std::move(bytes), 0};
}
inline MemoryAccess ReadWords(uint32_t address, uint32_t words) { return {address, {}, words}; }

/// A board's memory, read and written through its probe while the core runs. On hardware each
/// access takes bus cycles from the core: nothing may be touched while it measures.
class LiveMemory {
 public:
  virtual ~LiveMemory() = default;
  /// Carries the steps out in their order and gives all words read, in one exchange with the tool.
  /// Errors: kUnavailable: contact lost. kFailedPrecondition: there is no connection; the board has
  /// to be flashed first. kDeadlineExceeded.
  virtual Awaitable<Result<std::vector<uint32_t>>> Access(std::vector<MemoryAccess> steps,
                                                          Deadline deadline) = 0;
};

}  // namespace tinyrig::agent
