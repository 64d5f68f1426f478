#pragma once

#include <chrono>

namespace tinyrig::cli {

/// Ctrl-C and friends as something to ask for, so that commands can end in good order. While one
/// exists, SIGINT, SIGTERM and SIGHUP are blocked and counted. Create it before the first thread:
/// threads inherit the mask. One at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// True when a signal has come since the last call.
  bool Take();
  /// Waits until a signal comes or the time is over; true for a signal, which is taken.
  bool WaitFor(std::chrono::milliseconds time);
  /// Waits for a line on standard input; -1 when a signal comes first or there is no more input,
  /// else its first character ('\n' for an empty line). A signal is taken.
  int AskKey();

 private:
  int fd_ = -1;
};

}  // namespace tinyrig::cli
