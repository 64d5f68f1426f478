#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <tuple>

#include "agent/virtual/qemu/machine.h"

namespace tinyrig::agent::vboard {

/// The comparators of FPB and DWT, and BKPT instructions, kept as QEMU breakpoints.
///
/// FPB version 1: six code comparators. DWT: four comparators for data watchpoints.
/// BKPT: QEMU raises a fault instead of halting, so a debugger that writes BKPT #0 (flash and CRC
/// loaders) or BKPT #0x11 (OpenOCD's software breakpoint) gets a breakpoint on that halfword.
/// Data that looks like one costs a little speed when it shares a page with running code; more
/// than kMaxBkpt of them in an image are taken for data and ignored.
class Breakpoints {
 public:
  static constexpr size_t kMaxBkpt = 256;

  /// All comparators off, no BKPT known.
  void PowerOnReset();

  /// Words of the FPB and DWT register blocks; nothing when the address is not one of them.
  std::optional<uint32_t> Read(uint32_t address);
  bool Write(uint32_t address, uint32_t value);

  /// Tells of bytes that the debugger wrote into memory.
  void NoteWrite(uint32_t address, std::span<const uint8_t> bytes);

  /// Makes QEMU's breakpoints equal to what is wanted; the CPU is stopped.
  Status Sync(Machine& machine, bool enabled);
  /// QEMU was started anew and knows none.
  void ForgetInstalled() { installed_.clear(); }
  /// Marks the comparators that a watchpoint stop may come from.
  void NoteWatchpointHit();

 private:
  using Point = std::tuple<GdbClient::Point, uint32_t, uint32_t>;  // kind, address, length

  struct Comparator {
    uint32_t address = 0;
    uint32_t mask = 0;  // ignored low address bits
    uint32_t function = 0;
  };

  std::set<Point> Wanted() const;

  bool fpb_enabled_ = false;
  std::array<uint32_t, 8> fpb_{};
  std::array<Comparator, 4> dwt_{};
  std::set<uint32_t> bkpt_;
  std::set<Point> installed_;
};

}  // namespace tinyrig::agent::vboard
