#include <cstring>

#include "firmware/runtime/fusion/direct.h"
#include "firmware/runtime/fusion/direct_steps.h"
#include "firmware/runtime/fusion/direct_values.h"

namespace tinyrig::runtime {
namespace {

/// All channels of a pixel from `depth` values that lie one after the other.
template <WeightForm kForm>
void Channels(const OpContext& layer, const int8_t* values, uint32_t depth, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  const auto* requant = layer.InBlob<PackedRequant>(params.requant_offset);
  const auto* weights = layer.InBlob<Word>(params.weights_offset);
  const uint32_t rest = depth % kDepthStep;
  const int8_t* const end = values + (depth - rest);
  const uint32_t last = rest == 0 ? 0 : LoadBytes(end, rest);
  for (uint32_t left = layer.output().dims[3];; left -= 4) {
    int32_t sums[4] = {requant[0].bias, requant[1].bias, requant[2].bias, requant[3].bias};
    if (values != end) weights = AddRun<kForm>(values, end, weights, sums);
    if (rest != 0) weights = AddDepths<kForm>(last, weights, sums);
    if (left < 4) return StoreSome(sums, requant, left, out);
    StoreFour(sums, requant, out);
    if (left == 4) return;
    requant += 4;
    out += 4;
  }
}

/// The window's values one after the other, the zero point where it leaves the map.
void Gather(const OpContext& layer, const PixelWindow& window, int8_t* patch) {
  const auto& params = layer.params<ConvParams>();
  const uint32_t channels = layer.input().dims[3];
  const uint32_t depth = uint32_t{params.kernel_h} * params.kernel_w * channels;
  const bool inside = window.rows.end - window.rows.begin == params.kernel_h &&
                      window.columns.end - window.columns.begin == params.kernel_w;
  if (!inside) std::memset(patch, layer.input().zero_point, depth);
  window.ForEach([&](const int8_t* values, uint32_t tap) {
    int8_t* to = patch + tap * channels;
    uint32_t left = channels;
    for (; left >= 4; left -= 4, values += 4, to += 4) StoreWord(to, LoadWord(values));
    for (; left > 0; --left) *to++ = *values++;
  });
}

template <WeightForm kForm>
[[gnu::noinline]] void PatchPixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  alignas(4) int8_t patch[kMaxDirectDepth];
  Gather(layer, window, patch);
  Channels<kForm>(layer, patch, uint32_t{params.kernel_h} * params.kernel_w * layer.input().dims[3],
                  out);
}

template <WeightForm kForm>
inline void Pixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  if (params.kernel_h == 1 &&
      params.kernel_w == 1) {  // Then it lies in the map: ConvShapesAreSound.
    Channels<kForm>(layer, window.First(), layer.input().dims[3], out);
  } else {
    PatchPixel<kForm>(layer, window, out);
  }
  ClampValues(out, layer.output().dims[3], params.activation_min, params.activation_max);
}

}  // namespace

Code PrepareDirectConv(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t depth = uint64_t{params.kernel_h} * params.kernel_w * check.input().dims[3];
  const bool gathers = params.kernel_h != 1 || params.kernel_w != 1;
  const uint64_t channels = RoundUp(check.output().dims[3], kDirectChannels);
  const uint64_t bytes = channels * RoundUp(depth, kDepthStep) * DirectWidth(check.op->form);
  const bool sound = (!gathers || depth <= kMaxDirectDepth) && DirectIsSound(check, bytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void DirectConvPixelInt8(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  Pixel<WeightForm::kDirectInt8>(layer, window, out);
}
void DirectConvPixelInt16(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  Pixel<WeightForm::kDirectInt16>(layer, window, out);
}

}  // namespace tinyrig::runtime
