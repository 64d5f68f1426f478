#pragma once

#include <cstdint>
#include <functional>

#include "agent/virtual/debug_port.h"

namespace tinyrig::agent::vboard {

/// The JTAG side of the debug port, at the level of pins: a TAP with an instruction register of
/// four bits (ABORT, DPACC, APACC, IDCODE, BYPASS) in front of the DP. No I/O.
/// An access starts when its scan ends; the next scan brings its result, or WAIT, and is then
/// itself without effect, as in silicon.
/// Source: Arm ADIv5.2, part B, "The JTAG Debug Port".
class JtagTap {
 public:
  /// `port` must outlive this object.
  explicit JtagTap(DebugPort& port) : port_(port) { Reset(); }

  /// What the IDCODE instruction reads.
  std::function<uint32_t()> idcode;
  /// False when nobody drives TDO, which then reads as one.
  std::function<bool()> listening;

  /// Level of the pins; the TAP moves on the rising edge of TCK.
  void Write(bool tck, bool tms, bool tdi);
  /// Level of TDO before the next rising edge.
  bool Tdo() const;
  /// TRST, and power-on.
  void Reset();

 private:
  enum class State : uint8_t {
    kReset,
    kIdle,
    kSelectDr,
    kCaptureDr,
    kShiftDr,
    kExit1Dr,
    kPauseDr,
    kExit2Dr,
    kUpdateDr,
    kSelectIr,
    kCaptureIr,
    kShiftIr,
    kExit1Ir,
    kPauseIr,
    kExit2Ir,
    kUpdateIr,
  };
  struct Access {
    bool access_port;
    bool read;
    uint8_t address;
    uint32_t value;
  };

  static State Next(State state, bool tms);
  void Enter(State state);
  void CaptureData();
  void UpdateData();
  /// Carries the access out; it stays pending when the answer is WAIT.
  void Execute();

  DebugPort& port_;
  State state_ = State::kReset;
  bool tck_ = false;
  uint8_t instruction_ = 0;
  uint64_t shift_ = 0;
  uint32_t length_ = 1;  // bits of the register that is shifted
  Access access_{};
  bool pending_ = false;  // access_ still waits
  bool discard_ = false;  // this scan was answered WAIT
  uint32_t result_ = 0;   // of the last access
};

}  // namespace tinyrig::agent::vboard
