#include "firmware/runtime/fusion/stream.h"

#include <cstring>

#include "firmware/runtime/kernels/quantize/quantize.h"

namespace tinyrig::runtime {

void CopyStreamed(const FusedPhase& phase, int32_t y, int32_t x, uint32_t pixels, int8_t* to) {
  const OpContext first = phase.Operator(phase.layers[0].op);
  const TensorRecord& map = first.input();
  const uint32_t at =
      (static_cast<uint32_t>(y) * map.dims[2] + static_cast<uint32_t>(x)) * map.dims[3];
  const uint32_t count = pixels * map.dims[3];
  const std::byte* from = phase.context.stream;
  if (phase.params.convert_op == kNoConversion) {
    std::memcpy(to, from + at, count);
    return;
  }
  const OpContext op = phase.Operator(phase.params.convert_op);
  if (op.op->kind == OpKind::kQuantize) {
    for (uint32_t i = 0; i < count; ++i)
      to[i] = QuantizeValue(from + (at + i) * sizeof(float), map.scale, map.zero_point);
    return;
  }
  const auto* table = op.InBlob<int8_t>(op.params<LookupParams>().table_offset);
  for (uint32_t i = 0; i < count; ++i) to[i] = table[static_cast<uint8_t>(from[at + i])];
}

}  // namespace tinyrig::runtime
