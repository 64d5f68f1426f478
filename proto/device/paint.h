#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Paint for high-water marks. The board paints its arena and the unused part of its stack when a
/// session starts; the host reads them back through the debug probe, before the run (the paint is
/// there) and after it (what of it is left). Freestanding, shared by both ends.
///
/// Every word depends on the session's nonce and its own address, so that neither a constant nor
/// what an earlier session left looks like paint. Nonces that differ in bit 0 alone have paints
/// that differ in every bit: a byte that was written with the value of one paint shows in the
/// other.
///
///   arena address                     StagedOffset()
///   | arena_bytes of the model | canary | staged input | canary | paint, up to the arena's limit
namespace tinyrig::device {

inline constexpr uint32_t kPaintWord = 4;     ///< Bytes; painted memory begins and ends at these.
inline constexpr uint32_t kCanaryBytes = 64;  ///< At least, each; of the stack its lowest bytes.
inline constexpr uint32_t kStagingAlignment = 8;

/// Where the staged input begins, from the arena's address.
constexpr uint64_t StagedOffset(uint32_t arena_bytes) {
  const uint64_t end = uint64_t{arena_bytes} + kCanaryBytes;
  return (end + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment;
}

/// Bytes that model, canaries and staged input take together.
constexpr uint64_t ArenaNeed(uint32_t arena_bytes, uint32_t input_bytes) {
  return StagedOffset(arena_bytes) + input_bytes + kCanaryBytes;
}

/// The word at `address`, a multiple of 4, little-endian in memory.
constexpr uint32_t PaintWord(uint64_t nonce, uint32_t address) {
  // Two rounds of multiply and fold: neighbours share no bits.
  const uint32_t high = static_cast<uint32_t>(nonce >> 32);
  uint32_t x = address ^ (static_cast<uint32_t>(nonce) & ~1u) ^ (high << 16 | high >> 16);
  x = (x ^ x >> 15) * 0x2C1B3C6D;
  x = (x ^ x >> 12) * 0x297A2D39;
  x ^= x >> 15;
  return nonce & 1 ? ~x : x;
}

/// The byte at `address`.
constexpr uint8_t PaintByte(uint64_t nonce, uint32_t address) {
  return static_cast<uint8_t>(PaintWord(nonce, address & ~3u) >> 8 * (address & 3));
}

/// Paints [low, high), which begins and ends at multiples of 4. Inlined, so that a function may
/// paint the stack below its own frame.
[[gnu::always_inline]] inline void Paint(std::byte* low, const std::byte* high, uint64_t nonce) {
  auto address = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(low));
  for (std::byte* at = low; at < high; at += kPaintWord, address += kPaintWord) {
    const uint32_t word = PaintWord(nonce, address);
    std::memcpy(at, &word, sizeof(word));
    // The compiler must not take memory that nobody reads for memory that need not be written.
    asm volatile("" ::: "memory");
  }
}

}  // namespace tinyrig::device
