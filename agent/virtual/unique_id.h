#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinyrig::agent::vboard {

/// The 96-bit factory id of a virtual MCU, in memory order.
using UniqueId = std::array<uint8_t, 12>;

/// Derives the id from the probe's serial number: the same board keeps its id for ever.
/// 64-bit FNV-1a of the serial, then of the serial with one zero byte behind it, both little
/// endian, first 12 bytes. Not a secret, only distinct.
UniqueId MakeUniqueId(std::string_view serial);

/// 24 lower-case hexadecimal digits, memory order.
std::string UniqueIdHex(const UniqueId& id);

}  // namespace tinyrig::agent::vboard
