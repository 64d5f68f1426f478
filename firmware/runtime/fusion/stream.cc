#include "firmware/runtime/fusion/stream.h"

#include <cstring>

namespace tinyrig::runtime {

void CopyStreamed(const FusedPhase& phase, int32_t y, int32_t x, uint32_t pixels, int8_t* to) {
  const TensorRecord& map = phase.context.input();
  const uint32_t first = (static_cast<uint32_t>(y) * map.dims[2] + static_cast<uint32_t>(x));
  const auto* from = reinterpret_cast<const uint8_t*>(phase.context.stream) + first * map.dims[3];
  const uint32_t count = pixels * map.dims[3];
  if (phase.params.lookup_op == kNoLookup) {
    std::memcpy(to, from, count);
    return;
  }
  const OpContext lookup = phase.Operator(phase.params.lookup_op);
  const auto* table = lookup.InBlob<int8_t>(lookup.params<LookupParams>().table_offset);
  for (uint32_t i = 0; i < count; ++i) to[i] = table[from[i]];
}

}  // namespace tinyrig::runtime
