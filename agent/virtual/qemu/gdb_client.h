#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "agent/virtual/qemu/stream.h"

namespace tinyrig::agent::vboard {

/// QEMU's gdb stub, for what qtest cannot do: run control, registers, breakpoints.
/// Any byte sent to it stops the CPU, so nothing but Interrupt() may be called while it runs.
class GdbClient {
 public:
  GdbClient() = default;
  explicit GdbClient(Stream stream) : stream_(std::move(stream)) {}

  /// Kinds of the Z/z packets.
  enum class Point : uint8_t { kSoftware = 0, kHardware = 1, kWrite = 2, kRead = 3, kAccess = 4 };

  /// Reads the target description; register packets stay empty before that.
  Status Handshake();

  Status Continue();
  /// Stops a running CPU and returns the stop reply.
  Result<std::string> Interrupt();
  /// One instruction, interrupts masked; returns the stop reply.
  Result<std::string> Step();
  /// The stop reply of a CPU that stopped by itself, if there is one by now.
  Result<std::optional<std::string>> PollStop();

  /// Numbers as in gdb's description: 0-15 r0-pc, 25 xPSR, 26-41 d0-d15, 42 FPSCR.
  Result<uint64_t> ReadRegister(uint32_t number);
  /// `bytes` is 4, or 8 for the d registers.
  Status WriteRegister(uint32_t number, uint64_t value, uint32_t bytes);

  /// Writes memory as a debugger does, also where the guest may only read.
  Status WriteMemory(uint32_t address, std::span<const uint8_t> bytes);

  Status SetPoint(Point kind, uint32_t address, uint32_t length, bool on);

 private:
  Status Send(std::string_view payload);
  Result<std::string> Receive();
  /// What follows a '$' up to the checksum; acknowledges it.
  Result<std::string> ReceiveBody();
  Result<std::string> Command(std::string_view payload);

  Stream stream_;
};

}  // namespace tinyrig::agent::vboard
