#pragma once

#include <cstdint>
#include <span>

namespace tinyrig::agent {

/// High-water marks of painted memory. Pure. A byte that happens to be written with the paint's
/// value at the very edge is not seen; with one value in 256 that hides a byte or two at most,
/// rarely.

/// Memory used from the low end up: bytes before the last one that lost its paint, that one
/// included.
uint32_t UsedFromBelow(std::span<const uint8_t> memory, uint8_t paint);

/// Memory used from the high end down (a stack).
uint32_t UsedFromAbove(std::span<const uint8_t> memory, uint8_t paint);

}  // namespace tinyrig::agent
