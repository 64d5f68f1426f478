#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/instruments/live_memory.h"
#include "proto/device/rings.h"
#include "proto/status/status.h"

/// Positions in the rings of proto/device/rings.h, seen from the host. Pure.
namespace tinyrig::agent::probe_memory {

inline constexpr uint32_t kControlWords = sizeof(device::RingControl) / 4;

/// The control block from its words, once it makes sense.
/// Errors: kUnavailable: not there (yet). kFailedPrecondition: another version, or values that no
/// firmware of ours writes.
Result<device::RingControl> ParseControl(std::span<const uint32_t> words);

/// Bytes that are in the ring: produced and not consumed. Over the ring's size when one of the two
/// positions is broken.
inline uint32_t Used(const device::Ring& ring) { return ring.head - ring.tail; }

/// Steps that put `bytes`, at most the free room, at the head: one, or two around the ring's end.
void AddWrites(const device::Ring& ring, std::span<const uint8_t> bytes,
               std::vector<MemoryAccess>& steps);

/// Steps that read `size` bytes from the tail in whole words.
void AddReads(const device::Ring& ring, uint32_t size, std::vector<MemoryAccess>& steps);
/// The bytes, from the words that those steps gave.
std::vector<uint8_t> TakeBytes(const device::Ring& ring, uint32_t size,
                               std::span<const uint32_t> words);

}  // namespace tinyrig::agent::probe_memory
