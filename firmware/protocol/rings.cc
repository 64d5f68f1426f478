#include "firmware/protocol/rings.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "firmware/ports/port.h"

namespace tinyrig::device {

static_assert((kToBoardBytes & (kToBoardBytes - 1)) == 0);
static_assert((kFromBoardBytes & (kFromBoardBytes - 1)) == 0);

extern "C" {
[[gnu::used]] constinit RingMemory tinyrig_rings{};
}

namespace {

constinit RingControl& control = tinyrig_rings.control;

// The host reads and writes behind the compiler's back, and bytes must be there before the position
// that announces them: acquire and release give the barriers on both counts.
uint32_t Load(uint32_t& word) { return std::atomic_ref(word).load(std::memory_order_acquire); }
void Store(uint32_t& word, uint32_t value) {
  std::atomic_ref(word).store(value, std::memory_order_release);
}

uint32_t Address(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

}  // namespace

void InitRings() {
  Store(control.magic, 0);
  control.version = kRingsVersion;
  control.doorbell_irq = port::GetInfo().doorbell_irq;
  Store(control.active, 0);
  control.to_board = {Address(tinyrig_rings.to_board), kToBoardBytes, 0, 0};
  control.from_board = {Address(tinyrig_rings.from_board), kFromBoardBytes, 0, 0};
  Store(control.magic, kRingsMagic);
}

bool RingIsActive(uint32_t direction) { return (Load(control.active) & direction) != 0; }

std::span<const uint8_t> PeekRing() {
  Ring& ring = control.to_board;
  const uint32_t tail = Load(ring.tail);
  const uint32_t size = Load(ring.head) - tail;
  if (size > kToBoardBytes) {
    Store(ring.tail, tail + size);
    return {};
  }
  const uint32_t at = tail % kToBoardBytes;
  return {tinyrig_rings.to_board + at, std::min(size, kToBoardBytes - at)};
}

void ConsumeRing(size_t size) {
  Ring& ring = control.to_board;
  Store(ring.tail, Load(ring.tail) + static_cast<uint32_t>(size));
}

void WriteRing(const uint8_t* bytes, size_t size) {
  Ring& ring = control.from_board;
  while (size > 0) {
    uint32_t head = Load(ring.head);
    const uint32_t tail = Load(ring.tail);
    if (head - tail > kFromBoardBytes) head = tail;
    const uint32_t at = head % kFromBoardBytes;
    const auto part = static_cast<uint32_t>(
        std::min<size_t>(size, std::min(kFromBoardBytes - (head - tail), kFromBoardBytes - at)));
    if (part == 0 && !RingIsActive(kRingFromBoard)) return;
    std::memcpy(tinyrig_rings.from_board + at, bytes, part);
    Store(ring.head, head + part);
    bytes += part;
    size -= part;
  }
}

}  // namespace tinyrig::device
