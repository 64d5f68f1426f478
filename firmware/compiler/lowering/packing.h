#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/lowering/quantize.h"

/// Weights and requantisation tables in the orders that blob_format.h defines.
namespace tinyrig::compiler {

/// One output channel's way from accumulator to output.
struct ChannelScale {
  int32_t bias = 0;
  Multiplier multiplier;
};

/// How weights lie: all of a channel together, or all channels of a tap.
enum class WeightOrder : uint8_t { kChannelFirst, kChannelLast };

/// Some converters write negative scales. A channel of one is turned round: weights, bias and
/// factor change their signs, its outputs stay the same to the bit. Channels with a value that has
/// no opposite stay as they are.
void MakeFactorsPositive(std::span<ChannelScale> channels, std::span<int8_t> weights,
                         WeightOrder order);

/// Requant[channels].
std::vector<runtime::Requant> MakeRequant(std::span<const ChannelScale> channels);

/// PackedRequant[channels rounded up to `multiple`], the input's zero point folded into the bias.
/// `weights` holds `depth` values a channel, channel after channel. Nothing when the packed form
/// would not be exact for every input: a channel whose scale is 1/2 or more or 0, or sums that may
/// leave int32. The caller then keeps the plain form.
std::optional<std::vector<runtime::PackedRequant>> MakePackedRequant(
    std::span<const ChannelScale> channels, std::span<const int8_t> weights,
    int32_t input_zero_point, int32_t output_zero_point, uint32_t multiple);

/// CONV_2D and FULLY_CONNECTED weights [channels][depth] in a packed form.
std::vector<std::byte> PackConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                       runtime::WeightForm form);

/// DEPTHWISE_CONV_2D weights [channels][kernel_h][kernel_w] in a packed form.
std::vector<std::byte> PackDepthwiseWeights(std::span<const int8_t> weights, uint32_t channels,
                                            uint32_t kernel_h, uint32_t kernel_w,
                                            runtime::WeightForm form);

/// CONV_2D weights [channels][depth] in a direct form.
std::vector<std::byte> PackDirectConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                             runtime::WeightForm form);

/// CONV_2D weights [channels][depth] in a sliced form.
std::vector<std::byte> PackSlicedConvWeights(std::span<const int8_t> weights, uint32_t channels,
                                             runtime::WeightForm form);

/// DEPTHWISE_CONV_2D weights [channels][taps] in a direct form, the zero points behind them.
std::vector<std::byte> PackDirectDepthwiseWeights(std::span<const int8_t> weights,
                                                  uint32_t channels, int32_t input_zero_point,
                                                  runtime::WeightForm form);

}  // namespace tinyrig::compiler
