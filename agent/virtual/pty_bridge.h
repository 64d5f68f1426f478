#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/virtual/qemu/unique_fd.h"
#include "agent/virtual/uart_noise.h"
#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// The board's USB-UART: a pseudo terminal of our own, bridged to QEMU's serial socket. It keeps
/// its name while the board is power-cycled and while clients come and go.
///
/// No byte is lost on the way but by a fault or by power: when one side does not read, up to
/// kBufferBytes wait here and then the other side is held up. Bytes sent to an unpowered board
/// vanish, as on a wire. Event driven, no polling; one thread.
class PtyBridge {
 public:
  static constexpr size_t kBufferBytes = size_t{256} * 1024;

  /// `faults` must outlive this object.
  PtyBridge(boost::asio::io_context& io, const FaultSet& faults);

  /// Asked to wake QEMU up. Its main loop sleeps until something happens, and does not notice that
  /// the guest has just enabled its receiver; bytes sent before would wait for ever.
  std::function<void()> nudge;

  /// Told how many bytes have just passed, in either direction.
  std::function<void(size_t)> on_bytes;

  /// Makes the terminal (raw, no echo) and a symbolic link to it at `link`.
  Status Open(const std::string& link);
  void Close();

  /// Connects to a serial socket, or with an invalid descriptor to nothing. What the old one
  /// still held for the host is delivered first.
  void Attach(UniqueFd serial);

  /// Puts bytes on the line to the host, past the noise.
  void InjectToHost(std::span<const uint8_t> bytes);
  /// Nothing moves for that long, in either direction; zero ends a stall.
  void Stall(std::chrono::milliseconds duration);
  bool stalled() const { return stalled_; }
  /// The faults uart_drop and uart_flip start their sequences again.
  void ReseedNoise() { noise_.Reseed(); }

  const std::string& terminal() const { return terminal_; }
  const UartNoise& noise() const { return noise_; }
  uint64_t bytes_to_host() const { return bytes_to_host_; }
  uint64_t bytes_to_board() const { return bytes_to_board_; }

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  /// One direction: what waits to be written, and which waits are under way.
  struct Lane {
    std::vector<uint8_t> pending;
    bool waiting_to_read = false;
    bool waiting_to_write = false;
  };

  void Pump();
  /// Counts a chunk, and holds it back when the fault uart_delay is on.
  void NoteChunk(size_t bytes);
  void ReadSerial();
  void WriteTerminal();
  void ReadTerminal();
  void WriteSerial();
  /// Nudges QEMU as long as it leaves bytes in its socket.
  void WatchBacklog(std::chrono::milliseconds delay);
  /// Reads what is there now: how many bytes, -1 when QEMU closed its end.
  ssize_t TakeFromSerial();

  Descriptor master_;
  UniqueFd slave_;  // held open, so that the last client leaving is no hang-up
  std::shared_ptr<Descriptor> serial_;
  boost::asio::steady_timer stall_timer_;
  boost::asio::steady_timer nudge_timer_;
  bool watching_backlog_ = false;
  const FaultSet& faults_;
  UartNoise noise_;
  Lane to_host_;
  Lane to_board_;
  bool stalled_ = false;
  std::string terminal_;
  std::string link_;
  uint64_t bytes_to_host_ = 0;
  uint64_t bytes_to_board_ = 0;
};

}  // namespace tinyrig::agent::vboard
