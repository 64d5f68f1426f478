#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// The cells of a board's flash in a file of the same size, mapped into memory. Every change is in
/// the file's pages at once, so it survives SIGKILL of the process (not a crash of the machine).
class FlashStore {
 public:
  FlashStore() = default;
  FlashStore(const FlashStore&) = delete;
  FlashStore& operator=(const FlashStore&) = delete;
  ~FlashStore();

  /// Opens the file, or makes one full of 0xFF. Open already is fine.
  /// Errors: kFailedPrecondition when the file has another size, kUnavailable when it cannot be
  /// made.
  Status Open(const std::string& path, uint32_t bytes);

  /// Empty before Open().
  std::span<uint8_t> cells() { return {cells_, size_}; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  uint8_t* cells_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace tinyrig::agent::vboard
