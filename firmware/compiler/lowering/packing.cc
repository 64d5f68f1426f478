#include "firmware/compiler/lowering/packing.h"

#include <cstdlib>

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
      : width_(form == WeightForm::kPackedInt16 ? 2 : 1), bytes_(count * width_) {}

  void Set(uint64_t position, int8_t value) {
    bytes_[position * width_] = static_cast<std::byte>(value);
    if (width_ == 2) bytes_[position * 2 + 1] = static_cast<std::byte>(value < 0 ? 0xFF : 0);
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  uint64_t width_;
  std::vector<std::byte> bytes_;
};

std::optional<PackedRequant> PackChannel(const ChannelScale& channel,
                                         std::span<const int8_t> weights, int32_t input_zero_point,
                                         int32_t output_zero_point) {
  const auto [multiplier, shift] = channel.multiplier;
  if (multiplier < 1 << 30 || shift > -1) return std::nullopt;
  int64_t sum = 0;
  int64_t magnitude = 0;
  for (int8_t weight : weights) {
    sum += weight;
    magnitude += std::abs(weight);
  }
  const int64_t bias = channel.bias - input_zero_point * sum;
  const int64_t greatest = std::abs(bias) + 128 * magnitude;
  const int64_t rounding =
      (int64_t{1} << (-shift - 1)) + output_zero_point * (int64_t{1} << -shift);
  if (greatest > INT32_MAX || greatest + std::abs(rounding) + 1 > INT32_MAX) return std::nullopt;
  return PackedRequant{
      .bias = static_cast<int32_t>(bias),
      .multiplier = static_cast<int32_t>(2 * int64_t{multiplier} - (int64_t{1} << 32)),
      .rounding = static_cast<int32_t>(rounding),
      .shift = -shift};
}

}  // namespace

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

}  // namespace tinyrig::compiler
