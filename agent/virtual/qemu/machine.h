#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/virtual/board_type.h"
#include "agent/virtual/qemu/gdb_client.h"
#include "agent/virtual/qemu/process.h"
#include "agent/virtual/qemu/qmp_client.h"
#include "agent/virtual/qemu/qtest_client.h"

namespace tinyrig::agent::vboard {

/// Why a CPU stopped by itself.
enum class StopReason : uint8_t { kBreakpoint, kWatchpoint };

/// The QEMU child of one board: spawned at power-on with the CPU stopped, killed at power-off.
/// Four socket pairs lead to it (no paths, so no path length limit and nothing to clean up):
/// gdb stub, qmp, qtest, and the serial port, which is handed to the caller.
///
/// Every call is synchronous and takes microseconds, or Stream::kDeadline at worst. A guest that
/// locks up makes QEMU abort: calls then fail with kUnavailable and alive() turns false. A QEMU
/// that does not answer is killed, with the same effect. The caller decides about a new Start().
class Machine {
 public:
  /// `type` must outlive this object. `qemu` is a program name or path.
  Machine(const BoardType& type, std::string qemu, std::string log_path);

  struct StartOptions {
    std::string flash_file;           ///< Becomes the contents of the flash, when not empty.
    std::optional<int> icount_shift;  ///< An instruction takes 2^shift ns, if not as the type says.
  };
  /// Spawns QEMU (about 60 ms); returns the serial port, a non-blocking stream socket.
  Result<UniqueFd> Start(const StartOptions& options);
  void Kill();

  bool alive();
  pid_t pid() const { return process_.pid(); }
  /// How the last QEMU ended, e.g. "signal 6" after a lock-up.
  const std::string& end() const { return process_.end(); }
  bool running() const { return running_; }

  // Run control. Continue, Step and the registers need a stopped CPU.
  Status Halt();
  Status Continue();
  Result<StopReason> Step();
  /// The reason when the CPU has stopped by itself since Continue().
  Result<std::optional<StopReason>> PollStop();
  /// Resets core and peripherals, keeps memory; leaves the CPU stopped.
  Status Reset();
  /// True when the guest has reset itself since the last call.
  Result<bool> TookGuestReset();

  Result<uint64_t> ReadRegister(uint32_t number);
  Status WriteRegister(uint32_t number, uint64_t value, uint32_t bytes);
  Status SetPoint(GdbClient::Point kind, uint32_t address, uint32_t length, bool on);

  // Memory, also while the CPU runs.
  Result<uint32_t> ReadAccess(uint32_t address, uint32_t width);
  Status WriteAccess(uint32_t address, uint32_t width, uint32_t value);
  Status ReadBlock(uint32_t address, std::span<uint8_t> bytes);
  Status WriteBlock(uint32_t address, std::span<const uint8_t> bytes);
  /// Flash, which the guest and qtest cannot write. Stops a running CPU for a moment.
  Status WriteRom(uint32_t address, std::span<const uint8_t> bytes);

 private:
  /// Passes a result on; kills QEMU when the reason is that it does not answer any more.
  template <typename T>
  T Checked(T result);

  const BoardType& type_;
  std::string qemu_;
  std::string log_path_;
  Process process_;
  QtestClient qtest_;
  GdbClient gdb_;
  QmpClient qmp_;
  bool running_ = false;
};

}  // namespace tinyrig::agent::vboard
