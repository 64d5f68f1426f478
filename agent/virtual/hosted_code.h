#pragma once

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Code that a debugger puts into the target and that QEMU cannot run for it: the probe does its
/// work. For the debugger the core runs meanwhile.
class HostedCode {
 public:
  virtual ~HostedCode() = default;
  /// The core is about to start at `pc`: true when this takes over and QEMU stays stopped.
  virtual Result<bool> Begin(uint32_t pc) = 0;
  /// Goes on as far as it can; true when it has come to its final BKPT, with the registers set.
  virtual Result<bool> Step() = 0;
  /// The debugger halts or resets the core.
  virtual void End() = 0;
};

}  // namespace tinyrig::agent::vboard
