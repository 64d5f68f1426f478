#include "proto/device/crc32c.h"

namespace tinyrig::device {
namespace {

struct Table {
  uint32_t entry[256];
  constexpr Table() : entry() {
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
      entry[i] = crc;
    }
  }
};

constexpr Table kTable;

}  // namespace

uint32_t Crc32c(const void* data, size_t size, uint32_t seed) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  uint32_t crc = ~seed;
  for (size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ kTable.entry[(crc ^ bytes[i]) & 0xFFu];
  return ~crc;
}

}  // namespace tinyrig::device
