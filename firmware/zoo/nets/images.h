#pragma once

#include <cstdint>
#include <vector>

namespace tinyrig::zoo {

/// int8 [size, size, channels]: soft shapes of two sizes with a little noise, so that windows see
/// edges as in photographs. The same seed gives the same bytes everywhere.
std::vector<int8_t> SeededImage(int32_t size, int32_t channels, uint32_t seed);

}  // namespace tinyrig::zoo
