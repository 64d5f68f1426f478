#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "firmware/ports/port.h"

namespace tinyrig::port {

/// A board made of vectors; linked where a real port would be. One per process, reset by
/// ResetFakeBoard(). Each byte written costs nothing; each window takes 100 ticks more than the
/// last.
struct FakeBoard {
  std::deque<uint8_t> received;  ///< What the board has still to read.
  std::vector<uint8_t> sent;
  std::vector<uint64_t> blob;  ///< The blob region, exactly as large as it is.
  std::vector<uint64_t> arena;
  std::vector<uint8_t> code;
  std::vector<uint8_t> stack;
  uint32_t mailbox = 0;
  uint32_t fault_count = 0;
  uint32_t windows = 0;
  bool in_window = false;
  uint32_t sent_in_window = 0;  ///< Bytes that were sent while a window was open.
  uint64_t stack_nonce = 0;     ///< With which the stack was painted.
};

FakeBoard& Board();
void ResetFakeBoard();

}  // namespace tinyrig::port
