#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/device/rings.h"

/// The board's end of the rings of proto/device/rings.h. Rig cost: 5,164 bytes of RAM, none of it
/// the arena's.
///
/// The host may die at any moment, or write nonsense: only its words `active`, `to_board.head` and
/// `from_board.tail` are taken from memory, the buffers and their sizes are known here, and a ring
/// that holds more than its size is emptied. So no access leaves the buffers.
namespace tinyrig::device {

inline constexpr uint32_t kToBoardBytes = 4096;
inline constexpr uint32_t kFromBoardBytes = 1024;

struct RingMemory {
  RingControl control;
  uint8_t to_board[kToBoardBytes];
  uint8_t from_board[kFromBoardBytes];
};

/// Found by the bundle script, which calls its address `rings_address`.
extern "C" RingMemory tinyrig_rings;

/// Empties both rings, makes the UART both directions' link, and writes the magic word last.
void InitRings();

/// Whether the host wants this direction (kRingToBoard, kRingFromBoard) through its ring.
bool RingIsActive(uint32_t direction);

/// What has come and lies in one piece; more may follow once it is consumed. Empty: nothing came.
std::span<const uint8_t> PeekRing();
/// Gives `size` bytes of the last PeekRing() back to the host.
void ConsumeRing(size_t size);

/// Returns when all bytes are in the ring. Waits, awake, while it is full; gives up when the host
/// takes this direction away from the ring.
void WriteRing(const uint8_t* bytes, size_t size);

}  // namespace tinyrig::device
