#include "firmware/runtime/kernels/conv/conv.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

/// One output value before requantisation: the window at (start_y, start_x) against one channel's
/// weights. Taps outside the image count nothing.
int32_t Accumulate(const ConvParams& params, const TensorRecord& in, const int8_t* image,
                   const int8_t* weights, int32_t start_y, int32_t start_x) {
  const uint32_t channels = in.dims[3];
  const TapRange rows =
      ClipTaps(start_y, params.kernel_h, static_cast<int32_t>(in.dims[1]), params.dilation_h);
  const TapRange cols =
      ClipTaps(start_x, params.kernel_w, static_cast<int32_t>(in.dims[2]), params.dilation_w);
  // Neighbouring taps are neighbours in memory unless the kernel is dilated.
  const int32_t run = params.dilation_w == 1 ? cols.end - cols.begin : 1;
  uint32_t sum = 0;
  for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
    const auto y = static_cast<uint32_t>(start_y + ky * params.dilation_h);
    for (int32_t kx = cols.begin; kx < cols.end; kx += run) {
      const auto x = static_cast<uint32_t>(start_x + kx * params.dilation_w);
      sum += Dot(image + (y * in.dims[2] + x) * channels,
                 weights + static_cast<uint32_t>(ky * params.kernel_w + kx) * channels,
                 static_cast<uint32_t>(run) * channels, in.zero_point);
    }
  }
  return static_cast<int32_t>(sum);
}

}  // namespace

Code PrepareConvReference(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t out_c = check.output().dims[3];
  const uint64_t weights = out_c * params.kernel_h * params.kernel_w * check.input().dims[3];
  const bool sound = params.depth_multiplier == 1 && weights <= params.weights_bytes &&
                     check.InData(params.weights_offset, params.weights_bytes) &&
                     check.InData(params.requant_offset, out_c * sizeof(Requant)) &&
                     RequantIsSound(check.InBlob<Requant>(params.requant_offset), out_c);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void ConvReference(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const auto* weights = context.InBlob<int8_t>(params.weights_offset);
  const auto* requant = context.InBlob<Requant>(params.requant_offset);
  const uint32_t depth = uint32_t{params.kernel_h} * params.kernel_w * in.dims[3];
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * in.dims[3]) {
    for (uint32_t y = 0; y < out.dims[1]; ++y) {
      const int32_t start_y = static_cast<int32_t>(y * params.stride_h) - params.pad_top;
      for (uint32_t x = 0; x < out.dims[2]; ++x) {
        const int32_t start_x = static_cast<int32_t>(x * params.stride_w) - params.pad_left;
        for (uint32_t c = 0; c < out.dims[3]; ++c) {
          const int32_t acc = Accumulate(params, in, image, weights + c * depth, start_y, start_x);
          *result++ = Requantize(acc, requant[c], out.zero_point, params.activation_min,
                                 params.activation_max);
        }
      }
    }
  }
}

}  // namespace tinyrig::runtime
