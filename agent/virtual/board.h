#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <vector>

#include "agent/virtual/bitbang_server.h"
#include "agent/virtual/board_type.h"
#include "agent/virtual/cmsis_dap.h"
#include "agent/virtual/control.h"
#include "agent/virtual/control_server.h"
#include "agent/virtual/dap_server.h"
#include "agent/virtual/faults.h"
#include "agent/virtual/jtag_tap.h"
#include "agent/virtual/pty_bridge.h"
#include "agent/virtual/target.h"

namespace tinyrig::agent::vboard {

/// One virtual board: target, probe, USB-UART and power switch behind the sockets of one
/// directory. Lifecycle: Open() powers it on and serves while the io_context runs; Close(), or
/// the destructor, ends QEMU and removes what Open() made. One thread.
class Board {
 public:
  struct Options {
    const BoardType* type;  ///< From the table.
    std::string serial;     ///< 1 to kMaxSerial printable characters, no space.
    std::string directory;  ///< Made when missing; private to this board.
    std::string qemu;       ///< Program name or path.
  };
  static constexpr size_t kMaxSerial = 60;

  Board(boost::asio::io_context& io, Options options);
  ~Board() { Close(); }

  /// Errors: kInvalidArgument for a bad serial number or a directory too long for sockets,
  /// kFailedPrecondition when another board lives in the directory, kUnavailable or kNotFound
  /// when a file, socket or QEMU cannot be made.
  Status Open();
  void Close();

  /// Answers one line of the control socket.
  std::string Control(std::string_view line);

 private:
  std::string Path(std::string_view name) const;
  Status LockDirectory();
  /// vboard.json: what others need to find this board.
  Status WriteDescription() const;

  std::string ExecuteBitbang(std::string_view characters);
  std::vector<uint8_t> ExecutePacket(std::span<const uint8_t> request);
  /// After anything that touched the target: strikes, lock-ups, a start that became due.
  void Settle();
  void ArmStart();
  /// Of the serial line: what faults count.
  void NoteUartBytes(size_t bytes);
  void StallWhenDue();
  /// Firmware faults whose time has come.
  void StrikeFirmware();
  Result<bool> Strike(Fault fault);
  void ResetAgain();
  void WatchChildren();
  void WireProbe();
  Status ListenForProbes();

  Status Run(const PowerCommand& command);
  Status Run(const StatusCommand&) { return OkStatus(); }
  Status Run(const FaultCommand& command);
  Status Run(const ClearCommand& command);
  Status PowerOn();
  Status ClearFault(Fault fault);
  /// What an active fault does at the moment it is turned on.
  Status StartFault(Fault fault);
  /// A power-on with nothing before it, if the board was on.
  Status Repower();
  void UpdateProbeSerial();
  std::string StatusLine();

  Options options_;
  UniqueId unique_id_;
  FaultSet faults_;
  Target target_;
  CmsisDap probe_;
  PtyBridge uart_;
  JtagTap tap_;
  DapServer dap_server_;
  BitbangServer jtag_server_;
  ControlServer control_server_;
  boost::asio::signal_set children_;
  boost::asio::steady_timer start_timer_;
  boost::asio::steady_timer storm_timer_;
  uint32_t resets_left_ = 0;  // of a reset storm
  std::chrono::milliseconds storm_period_{0};
  bool probe_killed_ = false;
  UniqueFd lock_;
};

}  // namespace tinyrig::agent::vboard
