#pragma once

#include <cstdint>

/// Two byte rings in the board's RAM, which the host reads and writes through the debug probe while
/// the core runs. They carry the same frames as the UART. Per direction the host chooses which of
/// the two is used.
///
/// The firmware fills in RingControl when it starts and writes `magic` last; the host finds it at
/// `rings_address` of the firmware bundle. One producer and one consumer a ring: the host writes
/// only `active`, `to_board.head` and `from_board.tail` (one word each), the board the rest.
/// Positions count bytes for ever and wrap at 2^32; position p lies at `address` + p % size.
/// After writing `to_board.head` the host makes interrupt `doorbell_irq` pending (NVIC_ISPR), which
/// wakes a sleeping core; the interrupt is never taken. The board touches nothing of this while it
/// measures.
namespace tinyrig::device {

inline constexpr uint32_t kRingsMagic = 0x474E4952;  ///< "RING" in memory.
inline constexpr uint16_t kRingsVersion = 1;
inline constexpr uint16_t kNoDoorbell = 0xFFFF;  ///< The board does not sleep.

/// Bits of RingControl::active. Clear: that direction uses the port's UART.
inline constexpr uint32_t kRingToBoard = 1u << 0;
inline constexpr uint32_t kRingFromBoard = 1u << 1;

struct Ring {
  uint32_t address;
  uint32_t size;  ///< Bytes, a power of two.
  uint32_t head;  ///< Bytes ever produced.
  uint32_t tail;  ///< Bytes ever consumed.
};
static_assert(sizeof(Ring) == 16);

struct RingControl {
  uint32_t magic;
  uint16_t version;
  uint16_t doorbell_irq;
  uint32_t active;
  Ring to_board;
  Ring from_board;
};
static_assert(sizeof(RingControl) == 44);

}  // namespace tinyrig::device
