#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tinyrig::agent::vboard {

/// Acknowledge of an SWD transfer, as it is on the wire. Nobody driving the line reads as kNone;
/// kParity is a read whose data arrived with the wrong parity, in CMSIS-DAP's words an SWD error.
enum class Ack : uint8_t { kOk = 1, kWait = 2, kFault = 4, kNone = 7, kParity = 8 };

/// How far a run of equal transfers came: `done` of them were acknowledged OK; `ack` is the
/// acknowledge of the one after them, or kOk when all were.
struct SwdOutcome {
  Ack ack = Ack::kOk;
  size_t done = 0;
};

/// The wires between probe and target. AP reads are not posted here: the value, and the fault,
/// come with the transfer itself, as a CMSIS-DAP probe hands them to its host.
class SwdPort {
 public:
  virtual ~SwdPort() = default;

  /// `bit_count` levels of SWDIO, one a clock, first bit in bit 0 of the first byte.
  virtual void Sequence(std::span<const uint8_t> bits, size_t bit_count) = 0;
  /// Reads one register (`address` 0x0, 0x4, 0x8 or 0xC) `out.size()` times in a row.
  virtual SwdOutcome Read(bool access_port, uint8_t address, std::span<uint32_t> out) = 0;
  /// Writes one register with each value in turn.
  virtual SwdOutcome Write(bool access_port, uint8_t address, std::span<const uint32_t> in) = 0;
  /// Level of nRESET as the probe drives it; true is released.
  virtual void SetReset(bool released) = 0;
  /// Level of nRESET as the probe sees it.
  virtual bool reset_released() const = 0;
};

/// What the probe says about itself in DAP_Info.
struct ProbeIdentity {
  std::string vendor;
  std::string product;
  std::string serial;
  std::string firmware_version;
};

/// The probe: executes one CMSIS-DAP request packet after the other on an SwdPort.
/// Covers version 1 commands for SWD (00-06, 08-0A, 10-13, 1D); every other command is answered
/// with the one byte 0xFF. No I/O of its own, no clock.
/// Bad input: a request that is shorter than it claims is executed up to where it ends and
/// answered with an error status; nothing is read outside `request`, no reply exceeds a packet.
/// Source: Arm CMSIS-DAP specification 2.1, "CMSIS-DAP commands".
class CmsisDap {
 public:
  /// Size of request and reply packets, in bytes, as DAP_Info reports it.
  static constexpr size_t kPacketBytes = 1024;

  /// `port` must outlive this object.
  CmsisDap(SwdPort& port, ProbeIdentity identity);

  /// Executes one request; the reply starts with the command byte. Empty when there is nothing to
  /// answer (an empty request, DAP_TransferAbort).
  std::vector<uint8_t> Execute(std::span<const uint8_t> request);

 private:
  class Reader;
  using Reply = std::vector<uint8_t>;

  void Info(Reader& in, Reply& out);
  void Connect(Reader& in, Reply& out);
  void TransferConfigure(Reader& in, Reply& out);
  void Transfer(Reader& in, Reply& out);
  void TransferBlock(Reader& in, Reply& out);
  void WriteAbort(Reader& in, Reply& out);
  void SwjPins(Reader& in, Reply& out);
  void SwjSequence(Reader& in, Reply& out);
  void SwdSequence(Reader& in, Reply& out);

  /// The same, with the WAIT retries that DAP_TransferConfigure asked for.
  SwdOutcome ReadRetrying(bool access_port, uint8_t address, std::span<uint32_t> out);
  SwdOutcome WriteRetrying(bool access_port, uint8_t address, std::span<const uint32_t> in);
  /// Reads until (value & mask) == `wanted`; returns the acknowledge byte of the reply.
  uint8_t ReadMatching(bool access_port, uint8_t address, uint32_t wanted);

  SwdPort& port_;
  ProbeIdentity identity_;
  uint16_t wait_retries_ = 100;
  uint16_t match_retries_ = 0;
  uint32_t match_mask_ = 0;
};

}  // namespace tinyrig::agent::vboard
