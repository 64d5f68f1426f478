#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "agent/virtual/cmsis_dap.h"

namespace tinyrig::agent::vboard {

/// The memory behind the access port.
/// A run is `bytes.size() / width` accesses of `width` (1, 2 or 4) bytes at rising addresses,
/// `address` being a multiple of `width`. Returns how many accesses worked; fewer than asked for
/// means a bus fault at the next one.
class MemoryBus {
 public:
  virtual ~MemoryBus() = default;
  virtual size_t Read(uint32_t address, uint32_t width, std::span<uint8_t> bytes) = 0;
  virtual size_t Write(uint32_t address, uint32_t width, std::span<const uint8_t> bytes) = 0;
};

/// SW-DP (ADIv5, version 1) with one AHB-AP at index 0; other access ports read as absent.
/// Modelled: JTAG/SWD switch sequences, power-up handshake, sticky error and its FAULTs, SELECT
/// banks, CSW sizes with single and packed increment inside 4 KiB blocks, banked data registers.
/// Not modelled: overrun detection, pushed compares, transaction counter, parity.
class DebugPort : public SwdPort {
 public:
  /// Identity registers, from the board table.
  struct Ids {
    uint32_t dpidr = 0;
    uint32_t ap_idr = 0;
    uint32_t ap_base = 0;
  };

  /// `bus` must outlive this object.
  DebugPort(MemoryBus& bus, Ids ids) : bus_(bus), ids_(ids) {}

  /// State after power came on.
  void PowerOnReset();
  void SetDpidr(uint32_t dpidr) { ids_.dpidr = dpidr; }

  /// How many of a run's transfers work, and what the one behind them is answered.
  struct Reach {
    size_t transfers;
    Ack then;  ///< kNone is what an unpowered or disconnected target says: nothing.
  };
  /// Asked before `wanted` equal transfers; all work when this is not set.
  std::function<Reach(size_t wanted, bool access_port, bool read)> contact;
  /// Asked before switch sequences: is anybody listening?
  std::function<bool()> listening;
  /// Told when the probe moves nRESET; true is released.
  std::function<void(bool released)> on_reset_pin;

  /// One DPACC or APACC access of the JTAG side, which needs no switch sequence: a fault shows in
  /// CTRL/STAT only, and writing ones there clears it. A read leaves its result in `value`.
  Ack JtagAccess(bool access_port, bool read, uint8_t address, uint32_t& value);

  void Sequence(std::span<const uint8_t> bits, size_t bit_count) override;
  SwdOutcome Read(bool access_port, uint8_t address, std::span<uint32_t> out) override;
  SwdOutcome Write(bool access_port, uint8_t address, std::span<const uint32_t> in) override;
  void SetReset(bool released) override;
  bool reset_released() const override { return reset_released_; }

 private:
  /// Data-register transfers that touch memory as one run: equal widths, rising addresses, up to
  /// where TAR wraps.
  struct Run {
    uint32_t address;    ///< Of the first memory access.
    uint32_t width;      ///< Bytes of one memory access.
    uint32_t per_word;   ///< Memory accesses of one transfer.
    uint32_t increment;  ///< What one transfer adds to TAR.
    size_t transfers;
  };

  Reach AskContact(size_t wanted, bool access_port, bool read);
  SwdOutcome Outcome(Ack ack, size_t done);
  void JtagDp(bool read, uint8_t address, uint32_t& value);
  Ack ReadDp(uint8_t address, uint32_t& value);
  Ack WriteDp(uint8_t address, uint32_t value);
  uint32_t ReadApRegister(uint8_t address) const;
  void WriteApRegister(uint8_t address, uint32_t value);
  size_t ReadData(uint8_t address, std::span<uint32_t> out);
  size_t WriteData(uint8_t address, std::span<const uint32_t> in);
  Run NextRun(uint8_t address, size_t transfers) const;
  void Advance(const Run& run, size_t transfers);
  bool ApReady() const;
  uint8_t ApAddress(uint8_t address) const { return (select_ & 0xF0) | address; }
  bool IsData(uint8_t address) const;

  MemoryBus& bus_;
  Ids ids_;

  bool swd_selected_ = false;
  uint32_t ones_ = 0;            // levels of one in a row, up to now
  uint32_t code_bits_left_ = 0;  // until a select code is complete
  uint16_t shift_ = 0;           // the last 16 levels

  uint32_t select_ = 0;
  uint32_t ctrl_stat_ = 0;
  uint32_t dlcr_ = 0;
  uint32_t rdbuff_ = 0;
  uint32_t csw_ = 0;
  uint32_t tar_ = 0;
  bool reset_released_ = true;
};

}  // namespace tinyrig::agent::vboard
