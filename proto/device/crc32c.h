#pragma once

#include <cstddef>
#include <cstdint>

namespace tinyrig::device {

/// CRC-32C (Castagnoli: reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF).
/// Freestanding, no allocation. `seed` continues an earlier CRC: Crc32c(b, nb, Crc32c(a, na)) is
/// the CRC of a followed by b. The check value of "123456789" is 0xE3069283.
uint32_t Crc32c(const void* data, size_t size, uint32_t seed = 0);

}  // namespace tinyrig::device
