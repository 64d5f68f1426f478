#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/virtual/core_debug.h"
#include "agent/virtual/debug_port.h"
#include "agent/virtual/faults.h"
#include "agent/virtual/stm32_chip.h"
#include "agent/virtual/target_memory.h"

namespace tinyrig::agent::vboard {

/// The microcontroller with its supply: debug port, memory, core and the QEMU behind them.
/// Created unpowered. Synchronous; see Machine for how long calls take.
class Target {
 public:
  struct Config {
    const BoardType* type;  ///< Must outlive the target.
    UniqueId unique_id;
    std::string qemu;        ///< Program name or path.
    std::string qemu_log;    ///< Path of the log, appended to.
    std::string flash_file;  ///< Where the flash is kept, for types that have one.
  };

  /// `faults` must outlive this object.
  Target(Config config, FaultSet& faults);

  /// Called with the serial port of each new QEMU, and with an invalid one when it is gone.
  std::function<void(UniqueFd)> on_serial;
  /// Called whenever the core starts from its reset vector.
  std::function<void()> on_boot;

  /// Runs what is in flash; blank and locked up when there is nothing. Already on is fine.
  Status PowerOn();
  void PowerOff();
  bool powered() const { return powered_; }

  /// The faults idcode and wrong_board were turned on or off.
  Status ApplyIdentity();

  /// To be called before and after each packet and when the child ended: starts QEMU anew when
  /// the guest has locked up, and lets a power fault strike.
  void Settle();
  /// Wakes QEMU's main loop up, so that it looks at its serial socket again.
  void Nudge();

  SwdPort& swd() { return port_; }
  DebugPort& port() { return port_; }
  /// Is the debug port powered and connected?
  bool listening() const { return powered_ && !faults_.Struck(Fault::kNoAck); }
  uint32_t jtag_idcode() const;
  CoreDebug& core() { return core_; }
  TargetMemory& memory() { return memory_; }
  const Machine& machine() const { return machine_; }
  /// nullptr when the type has no flash.
  Stm32Chip* chip() { return chip_.get(); }
  uint64_t transfers() const { return transfers_; }
  uint32_t spawns() const { return spawns_; }
  uint32_t lockups() const { return lockups_; }

 private:
  DebugPort::Reach Contact(size_t wanted, bool access_port, bool read);
  UniqueId CurrentId() const;
  bool Revive();
  Status StartMachine();

  Config config_;
  FaultSet& faults_;
  Machine machine_;
  CoreDebug core_;
  std::unique_ptr<Stm32Chip> chip_;
  TargetMemory memory_;
  DebugPort port_;
  bool powered_ = false;
  uint64_t transfers_ = 0;
  uint32_t spawns_ = 0;
  uint32_t lockups_ = 0;
};

}  // namespace tinyrig::agent::vboard
