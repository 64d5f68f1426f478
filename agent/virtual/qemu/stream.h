#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "agent/virtual/qemu/unique_fd.h"
#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// One end of a socket pair to QEMU, used synchronously: requests to a local QEMU take
/// microseconds, so a deadline on each is simpler than a coroutine.
/// Errors: kUnavailable when QEMU closed its end, kDeadlineExceeded after `kDeadline`.
class Stream {
 public:
  /// Longest wait for one answer. Shorter than the 6 s that OpenOCD gives its probe.
  static constexpr std::chrono::milliseconds kDeadline{20'000};

  Stream() = default;
  /// `name` appears in error messages.
  Stream(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Status Write(std::string_view bytes);
  /// The next byte, waiting for it.
  Result<char> ReadByte();
  /// The next line without its line end, waiting for it.
  Result<std::string> ReadLine();
  /// True when ReadByte() would not wait, also because the other end is gone.
  bool Readable();

 private:
  /// Waits for `events` on the descriptor.
  Status Wait(short events);
  Status Fill();

  UniqueFd fd_;
  std::string name_;
  std::string buffer_;  // received, not handed out from `at_` on
  size_t at_ = 0;
};

}  // namespace tinyrig::agent::vboard
