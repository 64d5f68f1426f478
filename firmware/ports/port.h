#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/device/messages.h"
#include "proto/device/rings.h"

/// What a port provides: the only things that the session knows of a board. Chosen at link time by
/// folder, never by #ifdef. README.md beside this file says how to add a port; the unit tests'
/// fake_port.cc is one without hardware.
///
/// One thread, no interrupts taken, no heap. Nothing here fails: a port that cannot go on calls
/// device::OnFault() (firmware/protocol/fault.h) with FaultKind::kPanic.
namespace tinyrig::port {

/// Constants of the port, generated from its port.json.
struct Info {
  const char* name;     ///< At most 15 characters, as in port.json.
  uint32_t clock_hz;    ///< Of the core; on an emulator virtual instructions per second.
  uint32_t counter_hz;  ///< Ticks per second of the counter.
  device::CounterKind counter_kind;
  uint16_t rx_window;     ///< Bytes the board takes while it is busy computing, without losing one.
  uint16_t doorbell_irq;  ///< Interrupt that ends WaitForByte(), or device::kNoDoorbell.
};
const Info& GetInfo();

/// Where things lie; linker symbols on a board.
struct Memory {
  std::span<const std::byte>
      code;  ///< From the load address, initial values of variables included.
  std::span<const std::byte> blob;  ///< All that a blob may take: [blob_address, +blob_limit).
  std::span<std::byte> arena;  ///< For activations and staged input; kArenaAlignment or better.
  std::span<const std::byte> stack;         ///< All of it. Below it lies what faults when touched.
  std::span<const std::byte, 20> build_id;  ///< GNU build id.
};
Memory GetMemory();

/// Factory id of the MCU: the probe reads the same bytes.
void ReadUniqueId(uint8_t (&id)[12]);

/// Words that survive a reset. The probe writes the mailbox between reset and start.
uint32_t MailboxWord();
/// Faults since power-on; CountFault() adds one.
uint32_t FaultCount();
void CountFault();

/// Clock, link and counter. Called once, before everything else; statics are initialised.
void Init();

/// The link. ReadByte returns false at once when nothing is there; WaitForByte sleeps until
/// something may be, or until the host makes `doorbell_irq` pending (it may return early); Write
/// returns when all bytes are on their way. A doorbell that rang since the last WaitForByte ends
/// the next one at once.
bool ReadByte(uint8_t* byte);
void WaitForByte();
void Write(const uint8_t* bytes, size_t size);

/// The counter: Start() begins a window, Stop() ends it and returns its ticks, with the cost of an
/// empty window taken off. One window at a time. Stop() answers device::kTicksOverflow for a window
/// longer than the counter holds, and never a number that wrapped. A port
/// whose counter is exact (virtual instructions) must give floor(N * ticks per instruction) for a
/// window of N instructions: tests/integration/firmware proves it.
void CounterStart();
uint32_t CounterStop();

/// Paints the unused part of the stack (proto/device/paint.h), for high-water marks.
void PaintStack(uint64_t nonce);

}  // namespace tinyrig::port
