#include "firmware/runtime/fusion/direct.h"
#include "firmware/runtime/fusion/direct_steps.h"
#include "firmware/runtime/fusion/direct_values.h"

namespace tinyrig::runtime {
namespace {

/// Where the taps of a window lie; outside of the map and behind the last odd one, the zero point.
struct Taps {
  const int8_t* at[kMaxDirectTaps + 2];  ///< Two by two, then null.
};

constexpr uint32_t EvenTaps(const ConvParams& params) {
  return (uint32_t{params.kernel_h} * params.kernel_w + 1) / 2 * 2;
}

/// Bytes of the weights: behind them lies the zero point of each channel.
constexpr uint64_t WeightBytes(const ConvParams& params, uint64_t channels, WeightForm form) {
  return RoundUp(channels, kDirectChannels) * EvenTaps(params) * DirectWidth(form);
}

void FindTaps(const OpContext& layer, const PixelWindow& window, Taps& taps) {
  const auto& params = layer.params<ConvParams>();
  const uint32_t all = uint32_t{params.kernel_h} * params.kernel_w;
  const auto inside = static_cast<uint32_t>((window.rows.end - window.rows.begin) *
                                            (window.columns.end - window.columns.begin));
  const uint32_t count = EvenTaps(params);
  taps.at[count] = nullptr;
  taps.at[count + 1] = nullptr;
  if (inside != all || all != count) {
    const auto weights =
        static_cast<uint32_t>(WeightBytes(params, layer.input().dims[3], layer.op->form));
    const auto* zero = layer.InBlob<int8_t>(params.weights_offset + weights);
    for (uint32_t i = inside != all ? 0 : all; i < count; ++i) taps.at[i] = zero;
  }
  const auto rows = static_cast<uint32_t>(window.rows.end - window.rows.begin);
  if (window.first_row_slot + rows > window.map.row_slots) {
    window.ForEach([&](const int8_t* values, uint32_t tap) { taps.at[tap] = values; });
    return;
  }
  // Rows that follow each other: down the columns, which may wrap.
  const uint32_t step = window.map.row_step;
  uint32_t slot = window.first_column_slot;
  const int8_t** const first = taps.at + window.rows.begin * window.kernel_w;
  for (int32_t kx = window.columns.begin; kx < window.columns.end; ++kx) {
    const int8_t* values =
        window.map.base + window.first_row_slot * step + slot * window.map.column_step;
    const int8_t** to = first + kx;
    for (uint32_t i = rows; i > 0; --i, values += step, to += window.kernel_w) *to = values;
    if (++slot == window.map.column_slots) slot = 0;
  }
}

template <WeightForm kForm>
void Pixel(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  const auto& params = layer.params<ConvParams>();
  const auto* requant = layer.InBlob<PackedRequant>(params.requant_offset);
  const auto* weights = layer.InBlob<Word>(params.weights_offset);
  const uint32_t channels = layer.output().dims[3];
  Taps taps;
  FindTaps(layer, window, taps);
  const uint32_t whole = channels / 4 * 4;
  if (whole != 0) weights = DepthwiseGroups<kForm>(taps.at, weights, requant, out, whole / 4);
  if (const uint32_t left = channels - whole; left > 0) {
    FourSums sums(requant + whole);
    for (const int8_t* const* tap = taps.at; *tap != nullptr; tap += 2) {
      weights = AddTaps<kForm>(LoadBytes(tap[0] + whole, left), LoadBytes(tap[1] + whole, left),
                               weights, sums);
    }
    sums.Store(requant + whole, left, out + whole);
  }
  ClampValues(out, channels, params.activation_min, params.activation_max);
}

}  // namespace

Code PrepareDirectDepthwise(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t channels = check.output().dims[3];
  const uint64_t bytes =
      WeightBytes(params, channels, check.op->form) + RoundUp(channels, kDirectChannels);
  const bool sound = check.input().dims[3] == channels &&
                     uint64_t{params.kernel_h} * params.kernel_w <= kMaxDirectTaps &&
                     DirectIsSound(check, bytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void DirectDepthwisePixelInt8(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  Pixel<WeightForm::kDirectInt8>(layer, window, out);
}
void DirectDepthwisePixelInt16(const OpContext& layer, const PixelWindow& window, int8_t* out) {
  Pixel<WeightForm::kDirectInt16>(layer, window, out);
}

}  // namespace tinyrig::runtime
