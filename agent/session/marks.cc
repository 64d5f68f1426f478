#include "agent/session/marks.h"

#include <algorithm>

namespace tinyrig::agent {

uint32_t UsedFromBelow(std::span<const uint8_t> memory, uint8_t paint) {
  const auto last =
      std::find_if(memory.rbegin(), memory.rend(), [paint](uint8_t byte) { return byte != paint; });
  return static_cast<uint32_t>(memory.rend() - last);
}

uint32_t UsedFromAbove(std::span<const uint8_t> memory, uint8_t paint) {
  const auto first =
      std::find_if(memory.begin(), memory.end(), [paint](uint8_t byte) { return byte != paint; });
  return static_cast<uint32_t>(memory.end() - first);
}

}  // namespace tinyrig::agent
