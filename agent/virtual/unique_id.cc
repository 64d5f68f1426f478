#include "agent/virtual/unique_id.h"

#include <fmt/format.h>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint64_t kFnvOffset = 0xcbf29ce484222325;
constexpr uint64_t kFnvPrime = 0x100000001b3;

uint64_t HashByte(uint64_t hash, uint8_t byte) { return (hash ^ byte) * kFnvPrime; }

}  // namespace

UniqueId MakeUniqueId(std::string_view serial) {
  uint64_t low = kFnvOffset;
  for (const char c : serial) low = HashByte(low, static_cast<uint8_t>(c));
  const uint64_t high = HashByte(low, 0);
  UniqueId id{};
  for (size_t i = 0; i < id.size(); ++i) {
    const uint64_t word = i < 8 ? low : high;
    id[i] = static_cast<uint8_t>(word >> (8 * (i % 8)));
  }
  return id;
}

std::string UniqueIdHex(const UniqueId& id) {
  std::string hex;
  for (const uint8_t byte : id) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace tinyrig::agent::vboard
