#include "firmware/compiler/lowering/packing.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "firmware/runtime/fixed_point.h"

namespace tinyrig::compiler {
namespace {

using runtime::PackedRequant;
using runtime::Requant;
using runtime::RoundUp;
using runtime::WeightForm;

/// A place for `count` values of the form's width, zero, written by position.
class PackedValues {
 public:
  PackedValues(uint64_t count, WeightForm form)
      : width_(form == WeightForm::kPackedInt16 || form == WeightForm::kDirectInt16 ||
                       form == WeightForm::kSlicedInt16
                   ? 2
                   : 1),
        bytes_(count * width_) {}

  void Set(uint64_t position, int8_t value) {
    bytes_[position * width_] = static_cast<std::byte>(value);
    if (width_ == 2) bytes_[position * 2 + 1] = static_cast<std::byte>(value < 0 ? 0xFF : 0);
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  uint64_t width_;
  std::vector<std::byte> bytes_;
};

/// All accumulators a channel can reach, input zero point and bias included.
struct Reach {
  int64_t bias = 0;  ///< With the input's zero point folded in.
  int64_t min = 0;
  int64_t max = 0;
};

Reach ReachOf(const ChannelScale& channel, std::span<const int8_t> weights,
              int32_t input_zero_point) {
  int64_t sum = 0;
  int64_t magnitude = 0;
  for (int8_t weight : weights) {
    sum += weight;
    magnitude += std::abs(weight);
  }
  const int64_t bias = channel.bias - input_zero_point * sum;
  return {bias, bias - 128 * magnitude, bias + 128 * magnitude};
}

/// The usual form: factor below 1/2, no sum leaves int32.
std::optional<PackedRequant> PackScaled(const Multiplier& factor, const Reach& reach,
                                        int32_t output_zero_point) {
  const auto [multiplier, shift] = factor;
  if (multiplier < 1 << 30 || shift > -1) return std::nullopt;
  const int64_t rounding =
      (int64_t{1} << (-shift - 1)) + output_zero_point * (int64_t{1} << -shift);
  const int64_t greatest = std::max(std::abs(reach.min), std::abs(reach.max));
  if (greatest + std::abs(rounding) + 1 > INT32_MAX) return std::nullopt;
  return PackedRequant{
      .bias = static_cast<int32_t>(reach.bias),
      .multiplier = static_cast<int32_t>(2 * int64_t{multiplier} - (int64_t{1} << 32)),
      .rounding = static_cast<int32_t>(rounding),
      .shift = -shift};
}

/// Channels that training let die have factors like 2^-30: their output is the same for every input
/// they can meet, or takes two neighbouring values. As a step: q for acc below the threshold, q + 1
/// from there on.
std::optional<PackedRequant> PackStep(const Multiplier& factor, const Reach& reach,
                                      int32_t output_zero_point) {
  if (reach.min < INT32_MIN || reach.max > INT32_MAX) return std::nullopt;
  const auto output = [&](int64_t acc) {
    const int32_t scaled = runtime::MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc),
                                                                  factor.multiplier, factor.shift);
    return std::clamp<int64_t>(int64_t{scaled} + output_zero_point, INT8_MIN, INT8_MAX);
  };
  // Rising outputs are only certain without a left shift, which wraps.
  if (factor.multiplier < 0 || factor.shift > 0) return std::nullopt;
  const int64_t low = output(reach.min);
  const int64_t high = output(reach.max);
  if (high > low + 1) return std::nullopt;
  int64_t below = reach.min - 1;  // The greatest known to give less than `high`, or out of reach.
  int64_t threshold = reach.max;  // The smallest known to give `high`.
  while (threshold - below > 1) {
    const int64_t middle = below + (threshold - below) / 2;
    (output(middle) == high ? threshold : below) = middle;
  }
  const int64_t distance = std::max(threshold - reach.min, reach.max - threshold) + 2;
  const int shift = std::bit_width(static_cast<uint64_t>(distance));
  if (shift > 22) return std::nullopt;
  return PackedRequant{.bias = static_cast<int32_t>(reach.bias - threshold),
                       .multiplier = 0,
                       .rounding = static_cast<int32_t>(high * (int64_t{1} << shift)),
                       .shift = shift};
}

std::optional<PackedRequant> PackChannel(const ChannelScale& channel,
                                         std::span<const int8_t> weights, int32_t input_zero_point,
                                         int32_t output_zero_point) {
  const Reach reach = ReachOf(channel, weights, input_zero_point);
  auto packed = PackScaled(channel.multiplier, reach, output_zero_point);
  return packed ? packed : PackStep(channel.multiplier, reach, output_zero_point);
}

}  // namespace

void MakeFactorsPositive(std::span<ChannelScale> channels, std::span<int8_t> weights,
                         WeightOrder order) {
  const size_t depth = weights.size() / channels.size();
  for (size_t c = 0; c < channels.size(); ++c) {
    ChannelScale& channel = channels[c];
    const auto weight = [&](size_t d) -> int8_t& {
      return weights[order == WeightOrder::kChannelFirst ? c * depth + d : d * channels.size() + c];
    };
    bool has_opposite = channel.bias != INT32_MIN && channel.multiplier.multiplier != INT32_MIN;
    for (size_t d = 0; d < depth; ++d) has_opposite &= weight(d) != INT8_MIN;
    if (channel.multiplier.multiplier >= 0 || !has_opposite) continue;
    channel.bias = -channel.bias;
    channel.multiplier.multiplier = -channel.multiplier.multiplier;
    for (size_t d = 0; d < depth; ++d) weight(d) = static_cast<int8_t>(-weight(d));
  }
}

std::vector<Requant> MakeRequant(std::span<const ChannelScale> channels) {
  std::vector<Requant> table;
  table.reserve(channels.size());
  for (const ChannelScale& channel : channels) {
    table.push_back({channel.bias, channel.multiplier.multiplier, channel.multiplier.shift});
  }
  return table;
}

std::optional<std::vector<PackedRequant>> MakePackedRequant(std::span<const ChannelScale> channels,
                                                            std::span<const int8_t> weights,
                                                            int32_t input_zero_point,
                                                            int32_t output_zero_point,
                                                            uint32_t multiple) {
  const size_t depth = weights.size() / channels.size();
  std::vector<PackedRequant> table;
  table.reserve(RoundUp(channels.size(), multiple));
  for (size_t c = 0; c < channels.size(); ++c) {
    const auto packed = PackChannel(channels[c], weights.subspan(c * depth, depth),
                                    input_zero_point, output_zero_point);
    if (!packed) return std::nullopt;
    table.push_back(*packed);
  }
  table.resize(RoundUp(channels.size(), multiple), PackedRequant{0, 0, 0, 1});
  return table;
}

std::vector<std::byte> PackConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                       WeightForm form) {
  const uint64_t depth = weights.size() / channels;
  const uint64_t padded_depth = RoundUp(depth, runtime::kDepthStep);
  PackedValues packed(RoundUp(channels, runtime::kConvChannels) * padded_depth, form);
  for (uint64_t c = 0; c < channels; ++c) {
    const uint64_t pair = c / 2 * 2 * padded_depth;
    for (uint64_t d = 0; d < depth; ++d) {
      // Two depths of two channels are four values: by depth for int8, by channel for int16.
      const uint64_t within =
          form == WeightForm::kPackedInt16 ? (c % 2) * 2 + d % 2 : (d % 2) * 2 + c % 2;
      packed.Set(pair + d / 2 * 4 + within, weights[c * depth + d]);
    }
  }
  return packed.Take();
}

std::vector<std::byte> PackDepthwiseWeights(std::span<const int8_t> weights, uint32_t channels,
                                            uint32_t kernel_h, uint32_t kernel_w, WeightForm form) {
  const uint64_t row = RoundUp(kernel_w, 2);
  const uint64_t channel_values = runtime::DepthwiseWeightValues(kernel_h, kernel_w);
  PackedValues packed(RoundUp(channels, runtime::kDepthwiseChannels) * channel_values, form);
  for (uint64_t c = 0; c < channels; ++c) {
    for (uint64_t y = 0; y < kernel_h; ++y) {
      for (uint64_t x = 0; x < kernel_w; ++x) {
        packed.Set(c * channel_values + y * row + x, weights[(c * kernel_h + y) * kernel_w + x]);
      }
    }
  }
  return packed.Take();
}

// SXTB16 gives depths 0 and 2, then 1 and 3.
constexpr uint64_t kInt16Order[] = {0, 2, 1, 3};

std::vector<std::byte> PackDirectConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                             WeightForm form) {
  const uint64_t depth = weights.size() / channels;
  const uint64_t padded_depth = RoundUp(depth, runtime::kDepthStep);
  PackedValues packed(RoundUp(channels, runtime::kDirectChannels) * padded_depth, form);
  for (uint64_t c = 0; c < channels; ++c) {
    const uint64_t group = c / 4 * 4 * padded_depth;
    for (uint64_t d = 0; d < depth; ++d) {
      const uint64_t within = form == WeightForm::kDirectInt16 ? kInt16Order[d % 4] : d % 4;
      packed.Set(group + d / 4 * 16 + c % 4 * 4 + within, weights[c * depth + d]);
    }
  }
  return packed.Take();
}

std::vector<std::byte> PackSlicedConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                             WeightForm form) {
  const uint64_t depth = weights.size() / channels;
  const uint64_t padded = RoundUp(channels, runtime::kDirectChannels);
  PackedValues packed(RoundUp(depth, runtime::kDepthStep) * padded, form);
  for (uint64_t c = 0; c < channels; ++c) {
    for (uint64_t d = 0; d < depth; ++d) {
      const uint64_t within = form == WeightForm::kSlicedInt16 ? kInt16Order[d % 4] : d % 4;
      packed.Set((d / 4 * padded + c) * 4 + within, weights[c * depth + d]);
    }
  }
  return packed.Take();
}

std::vector<std::byte> PackDirectDepthwiseWeights(std::span<const int8_t> weights,
                                                  uint32_t channels, int32_t input_zero_point,
                                                  WeightForm form) {
  const uint64_t taps = weights.size() / channels;
  const uint64_t even_taps = RoundUp(taps, 2);
  const uint64_t padded = RoundUp(channels, runtime::kDirectChannels);
  PackedValues packed(padded * even_taps, form);
  for (uint64_t c = 0; c < channels; ++c) {
    const uint64_t group = c / 4 * 4 * even_taps;
    for (uint64_t t = 0; t < taps; ++t) {
      const uint64_t within =
          form == WeightForm::kDirectInt16 ? c % 4 * 2 + t % 2 : c % 4 / 2 * 4 + t % 2 * 2 + c % 2;
      packed.Set(group + t / 2 * 8 + within, weights[c * taps + t]);
    }
  }
  std::vector<std::byte> bytes = packed.Take();
  bytes.resize(bytes.size() + padded, static_cast<std::byte>(input_zero_point));
  return bytes;
}

}  // namespace tinyrig::compiler
