#pragma once

#include <functional>
#include <span>

#include "agent/virtual/board_type.h"
#include "agent/virtual/hosted_code.h"
#include "agent/virtual/qemu/machine.h"
#include "agent/virtual/stm32_flash.h"

namespace tinyrig::agent::vboard {

/// The programming loop that OpenOCD's stm32f2x driver runs in a work area: it takes half words
/// from a ring that the debugger fills and writes them to the flash. QEMU drops stores to flash,
/// so the loop is recognised (by length and CRC of its code, as OpenOCD 0.12.0 writes it) and
/// carried out against the emulated controller.
/// Contract of the code: r0 = ring (write pointer, read pointer, data), r1 = end of ring,
/// r2 = destination, r3 = half words, r4 = controller; ends at a BKPT with SR in r0; read pointer
/// 0 reports an error, write pointer 0 asks to give up.
class FlashLoader : public HostedCode {
 public:
  /// Both must outlive this object.
  FlashLoader(const BoardType& type, Machine& machine, Stm32Flash& flash)
      : type_(type), machine_(machine), flash_(flash) {}

  /// Programs one half word by way of the controller, at an offset into the flash.
  std::function<void(uint32_t offset, std::span<const uint8_t> bytes)> program;

  Result<bool> Begin(uint32_t pc) override;
  Result<bool> Step() override;
  void End() override { running_ = false; }

  /// Half words programmed so far, for status replies.
  uint64_t half_words() const { return half_words_; }

 private:
  Result<bool> Finish(uint32_t status, bool failed);
  bool RingIsSane(uint32_t write, uint32_t read) const;
  /// Programs what lies between the pointers without a wrap; returns SR of the last one.
  Result<uint32_t> Consume(uint32_t write, uint32_t& read);

  const BoardType& type_;
  Machine& machine_;
  Stm32Flash& flash_;
  bool running_ = false;
  uint32_t pc_ = 0;
  uint32_t ring_ = 0;
  uint32_t end_ = 0;
  uint32_t target_ = 0;
  uint32_t left_ = 0;
  uint64_t half_words_ = 0;
};

}  // namespace tinyrig::agent::vboard
