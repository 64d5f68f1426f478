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
  uint32_t left = layer.output().dims[3];
  if (rest == 0) {
    const uint32_t whole = left / 4 * 4;
    if (whole != 0) weights = ConvGroups<kForm>(values, end, weights, requant, out, whole / 4);
    if (left == whole) return;
    int8_t some[4];
    ConvGroups<kForm>(values, end, weights, requant + whole, some, 1);
    for (uint32_t c = whole; c < left; ++c) out[c] = some[c - whole];
    return;
  }
  const uint32_t last = LoadBytes(end, rest);
  while (left > 0) {
    FourSums sums(requant);
    for (const int8_t* at = values; at != end; at += 4) {
      weights = AddDepths<kForm>(LoadWord(at), weights, sums);
    }
    weights = AddDepths<kForm>(last, weights, sums);
    sums.Store(requant, left, out);
    if (left <= 4) return;
    requant += 4;
    out += 4;
    left -= 4;
  }
}

int8_t* Copy(const int8_t* from, uint32_t count, int8_t* to) {
  for (; count >= 4; count -= 4, from += 4, to += 4) StoreWord(to, LoadWord(from));
  for (; count > 0; --count) *to++ = *from++;
  return to;
}

/// The window's values one after the other, the zero point where it leaves the map.
void Gather(const OpContext& layer, const PixelWindow& window, int8_t* patch) {
  const auto& params = layer.params<ConvParams>();
  const uint32_t channels = layer.input().dims[3];
  const auto columns = static_cast<uint32_t>(window.columns.end - window.columns.begin);
  if (window.rows.end - window.rows.begin != params.kernel_h || columns != params.kernel_w) {
    std::memset(patch, layer.input().zero_point,
                uint32_t{params.kernel_h} * params.kernel_w * channels);
  }
  // Where the window's pixels of a row are neighbours, they are copied at once.
  if (window.map.column_step == channels &&
      window.first_column_slot + columns <= window.map.column_slots) {
    const PixelWindow row = window.FirstColumn();
    const uint32_t run = columns * channels;
    row.ForEach(
        [&](const int8_t* values, uint32_t tap) { Copy(values, run, patch + tap * channels); });
    return;
  }
  window.ForEach(
      [&](const int8_t* values, uint32_t tap) { Copy(values, channels, patch + tap * channels); });
}

template <WeightForm kForm>
[[gnu::noinline]] void PatchPixel(const OpContext& layer, const PixelWindow& window, uint32_t depth,
                                  int8_t* out) {
  alignas(4) int8_t patch[kMaxDirectDepth];
  StoreWord(patch + (depth - 1) / kDepthStep * kDepthStep, 0);
  Gather(layer, window, patch);
  Channels<kForm>(layer, patch, static_cast<uint32_t>(RoundUp(depth, kDepthStep)), out);
}

template <WeightForm kForm>
inline void Pixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  const uint32_t taps = uint32_t{params.kernel_h} * params.kernel_w;
  const uint32_t depth = taps * layer.input().dims[3];
  if (taps == 1 && (depth % kDepthStep == 0 || depth > kMaxDirectDepth)) {
    // It lies in the map: ConvShapesAreSound.
    Channels<kForm>(layer, window.First(), depth, out);
  } else {
    PatchPixel<kForm>(layer, window, depth, out);
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
