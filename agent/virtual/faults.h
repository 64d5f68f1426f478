#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Everything that can be made to go wrong. A new fault is a value here, a row in
/// faults_table.cc and one line where it acts.
enum class Fault : uint8_t {
  kProbeAbsent,
  kProbeSerial,
  kProbeFrozen,
  kProbeKilled,
  kIdCode,
  kWrongBoard,
  kNoAck,
  kWaitStuck,
  kWaitSome,
  kParity,
  kApFault,
  kPowerOff,
  kBrownOut,
  kClockChanged,
  kFlashLost,
  kFlashLies,
  kFlashError,
  kFlashBadBit,
  kFlashSlow,
  kUartDrop,
  kUartFlip,
  kUartDelay,
  kUartStall,
  kUartGarbageAtBoot,
  kFwHang,
  kFwResetStorm,
  kFwHardFault,
  kFwStackOverflow,
};
inline constexpr size_t kFaultCount = 28;

/// Parameters that count down to the moment a fault strikes.
inline constexpr std::string_view kAfterTransfers = "after_transfers";
inline constexpr std::string_view kAfterBytes = "after_bytes";
inline constexpr std::string_view kAfterUartBytes = "after_uart_bytes";

/// One numeric parameter of a fault.
struct FaultParameter {
  std::string_view name;
  double minimum;
  double maximum;
  double preset;  ///< Value when it is not given.
  bool whole;     ///< Refuses fractions.
};

struct FaultSpec {
  Fault fault;
  std::string_view name;    ///< As on the control socket.
  std::string_view effect;  ///< One line for people.
  std::span<const FaultParameter> parameters;
};

/// All faults, indexed by Fault.
std::span<const FaultSpec> FaultTable();

/// Those that strike the running program.
std::span<const Fault> FirmwareFaults();

/// The row of that name. Errors: kNotFound, naming those that exist.
Result<const FaultSpec*> FindFault(std::string_view name);

/// Parameters by name, as they came from the control socket.
using FaultParameters = std::map<std::string, double, std::less<>>;

/// The faults of one board that are on now, each with its parameters.
class FaultSet {
 public:
  /// Turns a fault on, or on again with other parameters. Missing parameters take their preset.
  /// Errors: kInvalidArgument for an unknown parameter or a value out of range; the fault then
  /// stays as it was.
  Status Apply(const FaultSpec& spec, const FaultParameters& parameters);
  void Clear(Fault fault);

  bool on(Fault fault) const { return active_[Index(fault)].has_value(); }
  /// Value of a parameter of a fault that is on; 0 when it is off or has no such parameter.
  double Value(Fault fault, std::string_view parameter) const;
  /// How many of `wanted` transfers (or bytes) still pass before the fault strikes; counts them.
  /// All, when the fault is off or has no such counter.
  size_t Spend(Fault fault, size_t wanted, std::string_view counter = kAfterTransfers);
  /// One bit of a byte, chosen by the fault's `seed`.
  uint8_t SeededBit(Fault fault) const;
  /// True when a fault is on and all its counters are used up.
  bool Struck(Fault fault) const;
  /// The fault has acted. With the last of its `count` (0: no last), or when it has `once` set, it
  /// turns itself off; with `once` 0 its counters start again.
  void Use(Fault fault);
  /// How often a fault has acted since this object was made.
  uint64_t strikes(Fault fault) const { return strikes_[Index(fault)]; }
  /// Parameters of a fault that is on, for status replies.
  const std::optional<FaultParameters>& active(Fault fault) const { return active_[Index(fault)]; }

 private:
  static size_t Index(Fault fault) { return static_cast<size_t>(fault); }

  std::array<std::optional<FaultParameters>, kFaultCount> active_;
  std::array<FaultParameters, kFaultCount> given_;  // as active_ was when it was turned on
  std::array<uint64_t, kFaultCount> strikes_{};
};

}  // namespace tinyrig::agent::vboard
