#include <cstring>

#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/port.h"
#include "proto/device/paint.h"

/// The parts of port.h that the linker script alone decides.

extern "C" {
extern const std::byte __code_start[], __code_end[], __blob_start[], __blob_end[];
extern const std::byte __stack_low[], __stack_high[], __build_id_note[];
extern std::byte __arena_start[], __arena_end[];

// Found by the bundle script: the probe writes here between reset and start.
[[gnu::section(".noinit.mailbox"), gnu::used]] uint32_t tinyrig_mailbox;
}

namespace tinyrig::port {
namespace {

// An ELF note: name size, description size, type, "GNU\0", then the id.
constexpr size_t kNoteHeader = 16;

// RAM is anything at power-on: the count holds only while the word beside it says so.
constexpr uint32_t kCountIsValid = 0x54434C46;
[[gnu::section(".noinit")]] uint32_t fault_count_mark;
[[gnu::section(".noinit")]] uint32_t fault_count;

}  // namespace

Memory GetMemory() {
  return {.code = {__code_start, __code_end},
          .blob = {__blob_start, __blob_end},
          .arena = {__arena_start, __arena_end},
          .stack = {__stack_low, __stack_high},
          .build_id = std::span<const std::byte, 20>(__build_id_note + kNoteHeader, 20)};
}

uint32_t MailboxWord() { return tinyrig_mailbox; }

uint32_t FaultCount() { return fault_count_mark == kCountIsValid ? fault_count : 0; }

void CountFault() {
  fault_count = FaultCount() + 1;
  fault_count_mark = kCountIsValid;
}

void PaintStack(uint64_t nonce) {
  // Below all that this function pushed.
  constexpr uintptr_t kMargin = 64;
  const auto top = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) - kMargin;
  device::Paint(const_cast<std::byte*>(__stack_low),
                reinterpret_cast<const std::byte*>(top / device::kPaintWord * device::kPaintWord),
                nonce);
}

}  // namespace tinyrig::port
