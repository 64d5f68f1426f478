#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/max_pool/max_pool.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {

Code PrepareMaxPool(const OpCheck& check) {
  return PoolShapesAreSound(check) ? Code::kOk : Code::kInvalidArgument;
}

void MaxPool(const OpContext& context) {
  const auto& params = context.params<PoolParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const uint32_t channels = in.dims[3];
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * channels) {
    for (uint32_t y = 0; y < out.dims[1]; ++y) {
      const int32_t start_y = static_cast<int32_t>(y * params.stride_h) - params.pad_top;
      const TapRange rows = ClipTaps(start_y, params.kernel_h, static_cast<int32_t>(in.dims[1]));
      for (uint32_t x = 0; x < out.dims[2]; ++x) {
        const int32_t start_x = static_cast<int32_t>(x * params.stride_w) - params.pad_left;
        const TapRange cols = ClipTaps(start_x, params.kernel_w, static_cast<int32_t>(in.dims[2]));
        for (uint32_t c = 0; c < channels; ++c) {
          int32_t greatest = INT8_MIN;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const uint32_t first = static_cast<uint32_t>(start_y + ky) * in.dims[2] +
                                   static_cast<uint32_t>(start_x + cols.begin);
            const int8_t* value = image + first * channels + c;
            for (int32_t kx = cols.begin; kx < cols.end; ++kx, value += channels) {
              if (*value > greatest) greatest = *value;
            }
          }
          *result++ =
              static_cast<int8_t>(Clamp(greatest, params.activation_min, params.activation_max));
        }
      }
    }
  }
}

}  // namespace tinyrig::runtime
