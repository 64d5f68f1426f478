#pragma once

#include <cstdint>
#include <span>

#include "agent/virtual/board_type.h"

namespace tinyrig::agent::vboard {

/// The flash controller of an STM32F405: unlock keys, sector and mass erase, programming that can
/// only clear bits, sector protection, error flags. A write that the controller does not expect
/// sets a flag and changes nothing, as in silicon. No I/O, no time: an operation is over at once,
/// but for the polls of busy_polls.
/// Not modelled: read-out protection, one-time programmable bytes, access widths of 64 bits,
/// option bytes that survive power-off.
/// Source: ST RM0090, section 3 "Embedded Flash memory interface".
class Stm32Flash {
 public:
  static constexpr uint32_t kBase = 0x40023C00;
  static constexpr uint32_t kBytes = 0x20;

  // Bits of SR.
  static constexpr uint32_t kWriteProtectError = 1u << 4;
  static constexpr uint32_t kParallelismError = 1u << 6;
  static constexpr uint32_t kSequenceError = 1u << 7;
  static constexpr uint32_t kBusy = 1u << 16;

  /// Cells that an operation changed: offsets from the start of the flash; size 0 is none.
  struct Changed {
    uint32_t offset = 0;
    uint32_t size = 0;
  };

  /// What befalls one erase or one programmed access; set by faults.
  struct Mishap {
    bool fails = false;       ///< WRPERR, nothing changes.
    uint8_t flip = 0;         ///< Bits of the first byte that come out wrong.
    uint32_t busy_polls = 0;  ///< How often SR shows BSY afterwards.
  };

  /// `layout` must outlive this object.
  explicit Stm32Flash(const FlashLayout& layout) : layout_(layout) { PowerOnReset(); }

  /// The cells to work on; must stay valid.
  void UseCells(std::span<uint8_t> cells) { cells_ = cells; }

  void PowerOnReset();
  /// A reset of the core: locked again, flags gone, option bytes kept.
  void Reset();

  /// Registers by offset from kBase; unknown ones read as zero and ignore writes.
  uint32_t ReadRegister(uint32_t offset);
  Changed WriteRegister(uint32_t offset, uint32_t value, const Mishap& mishap);
  /// A write of one access, `bytes.size()` being 1, 2 or 4, to the flash itself.
  Changed Program(uint32_t offset, std::span<const uint8_t> bytes, const Mishap& mishap);

  /// Would this register write start an erase?
  bool StartsErase(uint32_t offset, uint32_t value) const;
  /// Since this object was made.
  uint64_t erased_sectors() const { return erased_sectors_; }

 private:
  Changed Erase(const Mishap& mishap);
  void WriteKey(uint32_t value);
  void WriteOptionKey(uint32_t value);
  bool Protected(uint32_t sector) const;
  uint32_t SectorOf(uint32_t offset) const;

  const FlashLayout& layout_;
  std::span<uint8_t> cells_;
  uint32_t acr_ = 0;
  uint32_t cr_ = 0;
  uint32_t sr_ = 0;
  uint32_t optcr_ = 0;
  uint32_t busy_polls_ = 0;
  int keys_ = 0;         // of the sequence so far; negative: blocked until a reset
  int option_keys_ = 0;  // the same
  uint64_t erased_sectors_ = 0;
};

}  // namespace tinyrig::agent::vboard
