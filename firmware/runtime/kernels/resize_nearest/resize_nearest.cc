#include "firmware/runtime/kernels/resize_nearest/resize_nearest.h"

#include <cstring>

#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

bool TableIsSound(const OpCheck& check, uint32_t offset, uint32_t count, uint32_t limit) {
  if (!check.InData(offset, uint64_t{count} * sizeof(uint16_t))) return false;
  const auto* table = check.InBlob<uint16_t>(offset);
  for (uint32_t i = 0; i < count; ++i) {
    if (table[i] >= limit) return false;
  }
  return true;
}

}  // namespace

Code PrepareResizeNearest(const OpCheck& check) {
  if (!check.Has<ResizeNearestParams>(1)) return Code::kInvalidArgument;
  const auto& params = check.params<ResizeNearestParams>();
  const TensorRecord& in = check.input();
  const TensorRecord& out = check.output();
  const bool sound = AreImages(in, out) && in.dims[3] == out.dims[3] &&
                     TableIsSound(check, params.rows_offset, out.dims[1], in.dims[1]) &&
                     TableIsSound(check, params.columns_offset, out.dims[2], in.dims[2]);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void ResizeNearest(const OpContext& context) {
  const auto& params = context.params<ResizeNearestParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const auto* rows = context.InBlob<uint16_t>(params.rows_offset);
  const auto* columns = context.InBlob<uint16_t>(params.columns_offset);
  const uint32_t channels = in.dims[3];
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();
  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * channels) {
    for (uint32_t y = 0; y < out.dims[1]; ++y) {
      const int8_t* row = image + rows[y] * in.dims[2] * channels;
      for (uint32_t x = 0; x < out.dims[2]; ++x, result += channels) {
        std::memmove(result, row + columns[x] * channels, channels);
      }
    }
  }
}

}  // namespace tinyrig::runtime
