#include "firmware/runtime/fusion/pixel.h"

#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/requantize.h"

namespace tinyrig::runtime {

void ConvPixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  const auto* requant = layer.InBlob<Requant>(params.requant_offset);
  const auto* weights = layer.InBlob<int8_t>(params.weights_offset);
  const uint32_t channels = layer.input().dims[3];
  const uint32_t depth = uint32_t{params.kernel_h} * params.kernel_w * channels;
  const int32_t zero_point = layer.input().zero_point;
  for (uint32_t c = 0; c < layer.output().dims[3]; ++c, weights += depth) {
    uint32_t sum = 0;
    window.ForEach([&](const int8_t* values, uint32_t tap) {
      sum += Dot(values, weights + tap * channels, channels, zero_point);
    });
    out[c] = Requantize(static_cast<int32_t>(sum), requant[c], layer.output().zero_point,
                        params.activation_min, params.activation_max);
  }
}

void DepthwisePixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  const auto* requant = layer.InBlob<Requant>(params.requant_offset);
  const auto* weights = layer.InBlob<int8_t>(params.weights_offset);
  const uint32_t channels = layer.output().dims[3];
  const int32_t zero_point = layer.input().zero_point;
  for (uint32_t c = 0, out_c = 0; c < layer.input().dims[3]; ++c) {
    for (uint32_t m = 0; m < params.depth_multiplier; ++m, ++out_c) {
      uint32_t sum = 0;
      window.ForEach([&](const int8_t* values, uint32_t tap) {
        sum += static_cast<uint32_t>((values[c] - zero_point) * weights[tap * channels + out_c]);
      });
      out[out_c] = Requantize(static_cast<int32_t>(sum), requant[out_c], layer.output().zero_point,
                              params.activation_min, params.activation_max);
    }
  }
}

void AveragePixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<PoolParams>();
  const int32_t count =
      (window.rows.end - window.rows.begin) * (window.columns.end - window.columns.begin);
  for (uint32_t c = 0; c < layer.output().dims[3]; ++c) {
    int32_t sum = 0;
    window.ForEach([&](const int8_t* values, uint32_t) { sum += values[c]; });
    const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    out[c] = static_cast<int8_t>(Clamp(mean, params.activation_min, params.activation_max));
  }
}

void MaxPixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<PoolParams>();
  for (uint32_t c = 0; c < layer.output().dims[3]; ++c) {
    int32_t greatest = INT8_MIN;
    window.ForEach([&](const int8_t* values, uint32_t) {
      if (values[c] > greatest) greatest = values[c];
    });
    out[c] = static_cast<int8_t>(Clamp(greatest, params.activation_min, params.activation_max));
  }
}

void AddToPixel(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel) {
  const auto& params = add.params<AddParams>();
  const AddScaling scaling = {add.input(0).zero_point, add.input(1).zero_point,
                              add.output().zero_point, params};
  for (uint32_t c = 0; c < add.output().dims[3]; ++c) {
    const int32_t made = pixel[c];
    pixel[c] =
        operand == 0 ? AddValues(scaling, waited[c], made) : AddValues(scaling, made, waited[c]);
  }
}

uint64_t PixelMacs(const OpContext& layer) {
  if (layer.op->kind != OpKind::kConv2D && layer.op->kind != OpKind::kDepthwiseConv2D) return 0;
  const auto& params = layer.params<ConvParams>();
  const uint64_t taps = uint64_t{params.kernel_h} * params.kernel_w * layer.output().dims[3];
  return layer.op->kind == OpKind::kConv2D ? taps * layer.input().dims[3] : taps;
}

}  // namespace tinyrig::runtime
