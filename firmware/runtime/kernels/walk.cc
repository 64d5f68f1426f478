#include "firmware/runtime/kernels/walk.h"

namespace tinyrig::runtime {

bool WalkIsSound(const uint32_t* dims, const int32_t* strides, uint64_t offset, uint64_t count,
                 uint64_t limit) {
  uint64_t steps = 1;
  uint64_t lowest = offset;
  uint64_t highest = offset;
  for (size_t d = 0; d < kMaxRank; ++d) {
    if (dims[d] == 0) return false;
    // Both factors are below 2^32, and what goes on is below 2^32 too: nothing overflows.
    steps *= dims[d];
    const int64_t stride = strides[d];
    const uint64_t reach =
        uint64_t{dims[d] - 1} * static_cast<uint64_t>(stride < 0 ? -stride : stride);
    if (stride < 0) {
      if (reach > lowest) return false;
      lowest -= reach;
    } else {
      highest += reach;
    }
    if (steps > limit || highest >= count) return false;
  }
  return true;
}

}  // namespace tinyrig::runtime
