#include "tests/unit/firmware/fake_port.h"

#include <cstring>

namespace tinyrig::port {

FakeBoard& Board() {
  static FakeBoard board;
  return board;
}

void ResetFakeBoard() {
  Board() = FakeBoard{};
  Board().code = {1, 2, 3, 4, 5};
  Board().arena.resize(512);
  Board().stack.resize(1024);
}

const Info& GetInfo() {
  static const Info info = {.name = "fake",
                            .clock_hz = 1000,
                            .counter_hz = 2000,
                            .counter_kind = device::CounterKind::kCycles,
                            .rx_window = 2048,
                            .doorbell_irq = 17};
  return info;
}

Memory GetMemory() {
  static const std::byte build_id[20] = {std::byte{0xB1}, std::byte{0xD0}};
  FakeBoard& board = Board();
  return {.code = std::as_bytes(std::span(board.code)),
          .blob = std::as_bytes(std::span(board.blob)),
          .arena = std::as_writable_bytes(std::span(board.arena)),
          .stack = std::as_bytes(std::span(board.stack)),
          .build_id = build_id};
}

void ReadUniqueId(uint8_t (&id)[12]) { std::memcpy(id, "unique id 12", sizeof(id)); }
uint32_t MailboxWord() { return Board().mailbox; }
uint32_t FaultCount() { return Board().fault_count; }
void CountFault() { ++Board().fault_count; }
void Init() {}

bool ReadByte(uint8_t* byte) {
  FakeBoard& board = Board();
  if (board.received.empty()) return false;
  *byte = board.received.front();
  board.received.pop_front();
  return true;
}

void WaitForByte() {}

void Write(const uint8_t* bytes, size_t size) {
  FakeBoard& board = Board();
  board.sent.insert(board.sent.end(), bytes, bytes + size);
  if (board.in_window) board.sent_in_window += static_cast<uint32_t>(size);
}

void CounterStart() { Board().in_window = true; }

uint32_t CounterStop() {
  Board().in_window = false;
  return 100 * ++Board().windows;
}

void PaintStack(uint64_t nonce) { Board().stack_nonce = nonce; }

}  // namespace tinyrig::port
