#include "firmware/runtime/fusion/direct.h"
#include "firmware/runtime/fusion/direct_values.h"

namespace tinyrig::runtime {
namespace {

/// Where the taps of a window lie; outside of the map and behind the last one, the zero point.
struct Taps {
  uint32_t count;  ///< Even.
  const int8_t* at[kMaxDirectTaps];
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
  taps.count = EvenTaps(params);
  if (inside != all || all != taps.count) {
    const auto weights =
        static_cast<uint32_t>(WeightBytes(params, layer.input().dims[3], layer.op->form));
    const auto* zero = layer.InBlob<int8_t>(params.weights_offset + weights);
    for (uint32_t i = inside != all ? 0 : all; i < taps.count; ++i) taps.at[i] = zero;
  }
  window.ForEach([&](const int8_t* values, uint32_t tap) { taps.at[tap] = values; });
}

/// Two taps of four channels times their weights.
template <WeightForm kForm>
inline const Word* AddTaps(uint32_t first, uint32_t second, const Word* weights,
                           int32_t (&sums)[4]) {
  const uint32_t even_first = ExtendEvenBytes(first);
  const uint32_t even_second = ExtendEvenBytes(second);
  const uint32_t odd_first = ExtendOddBytes(first);
  const uint32_t odd_second = ExtendOddBytes(second);
  const uint32_t a = PackBottoms(even_first, even_second);
  const uint32_t b = PackBottoms(odd_first, odd_second);
  const uint32_t c = PackTops(even_first, even_second);
  const uint32_t d = PackTops(odd_first, odd_second);
  if constexpr (kForm == WeightForm::kDirectInt16) {
    sums[0] = DotPair(a, weights[0], sums[0]);
    sums[1] = DotPair(b, weights[1], sums[1]);
    sums[2] = DotPair(c, weights[2], sums[2]);
    sums[3] = DotPair(d, weights[3], sums[3]);
    return weights + 4;
  } else {
    const uint32_t ab = weights[0];
    const uint32_t cd = weights[1];
    sums[0] = DotPair(a, ExtendEvenBytes(ab), sums[0]);
    sums[1] = DotPair(b, ExtendOddBytes(ab), sums[1]);
    sums[2] = DotPair(c, ExtendEvenBytes(cd), sums[2]);
    sums[3] = DotPair(d, ExtendOddBytes(cd), sums[3]);
    return weights + 2;
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
  const int8_t* const* const end = taps.at + taps.count;
  uint32_t c = 0;
  for (; c + 4 <= channels; c += 4, requant += 4) {
    int32_t sums[4] = {requant[0].bias, requant[1].bias, requant[2].bias, requant[3].bias};
    for (const int8_t* const* tap = taps.at; tap != end; tap += 2) {
      weights = AddTaps<kForm>(LoadWord(tap[0] + c), LoadWord(tap[1] + c), weights, sums);
    }
    StoreFour(sums, requant, 4, out + c);
  }
  if (const uint32_t left = channels - c; left > 0) {
    int32_t sums[4] = {requant[0].bias, requant[1].bias, requant[2].bias, requant[3].bias};
    for (const int8_t* const* tap = taps.at; tap != end; tap += 2) {
      weights =
          AddTaps<kForm>(LoadBytes(tap[0] + c, left), LoadBytes(tap[1] + c, left), weights, sums);
    }
    StoreFour(sums, requant, left, out + c);
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
