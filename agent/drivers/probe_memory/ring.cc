#include "agent/drivers/probe_memory/ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tinyrig::agent::probe_memory {
namespace {

constexpr uint32_t kMaxRingBytes = 1 << 20;

bool Plausible(const device::Ring& ring) {
  return std::has_single_bit(ring.size) && ring.size >= 64 && ring.size <= kMaxRingBytes &&
         ring.address % 4 == 0 && ring.address != 0;
}

/// Bytes from a position to the ring's end.
uint32_t ToTheEnd(const device::Ring& ring, uint32_t position) {
  return ring.size - position % ring.size;
}

/// Words that hold `size` bytes from an offset in the ring.
uint32_t WordsFor(uint32_t offset, uint32_t size) { return (offset % 4 + size + 3) / 4; }

}  // namespace

Result<device::RingControl> ParseControl(std::span<const uint32_t> words) {
  device::RingControl control{};
  if (words.size() < kControlWords || words[0] != device::kRingsMagic) {
    return Status(Code::kUnavailable, "the board has no rings in RAM; does its firmware run?");
  }
  std::memcpy(&control, words.data(), sizeof(control));
  if (control.version != device::kRingsVersion || !Plausible(control.to_board) ||
      !Plausible(control.from_board)) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("the board's rings are of version {} with {} and {} bytes; use the "
                              "firmware that belongs to this agent",
                              control.version, control.to_board.size, control.from_board.size));
  }
  return control;
}

void AddWrites(const device::Ring& ring, std::span<const uint8_t> bytes,
               std::vector<MemoryAccess>& steps) {
  const auto first = std::min<size_t>(bytes.size(), ToTheEnd(ring, ring.head));
  const auto add = [&steps](uint32_t address, std::span<const uint8_t> part) {
    if (!part.empty()) steps.push_back(WriteBytes(address, {part.begin(), part.end()}));
  };
  add(ring.address + ring.head % ring.size, bytes.first(first));
  add(ring.address, bytes.subspan(first));
}

void AddReads(const device::Ring& ring, uint32_t size, std::vector<MemoryAccess>& steps) {
  const uint32_t offset = ring.tail % ring.size;
  const uint32_t first = std::min(size, ToTheEnd(ring, ring.tail));
  steps.push_back(ReadWords(ring.address + offset / 4 * 4, WordsFor(offset, first)));
  if (size > first) steps.push_back(ReadWords(ring.address, WordsFor(0, size - first)));
}

std::vector<uint8_t> TakeBytes(const device::Ring& ring, uint32_t size,
                               std::span<const uint32_t> words) {
  const uint32_t offset = ring.tail % ring.size;
  const uint32_t first = std::min(size, ToTheEnd(ring, ring.tail));
  const auto* raw = reinterpret_cast<const uint8_t*>(words.data());
  std::vector<uint8_t> bytes(raw + offset % 4, raw + offset % 4 + first);
  const uint8_t* rest = raw + size_t{4} * WordsFor(offset, first);
  bytes.insert(bytes.end(), rest, rest + (size - first));
  return bytes;
}

}  // namespace tinyrig::agent::probe_memory
