#include <fmt/format.h>

#include "firmware/compiler/lowering/op_lowering.h"
#include "firmware/compiler/lowering/packing.h"

/// CONV_2D and DEPTHWISE_CONV_2D.
namespace tinyrig::compiler {
namespace {

using runtime::ConvParams;
using runtime::WeightForm;

/// What both convolutions have in common, read and checked.
struct Convolution {
  LoweredOp op;
  ConvParams params{};
  std::vector<int8_t> weights;  ///< In TFLite's order.
  std::vector<ChannelScale> channels;
  const Tensor* in = nullptr;
  const Tensor* out = nullptr;
  uint32_t kernel_h = 0;
  uint32_t kernel_w = 0;
};

Status CheckLimits(const ConvOptions& options, const WindowPlacement& y, const WindowPlacement& x,
                   uint32_t kernel_h, uint32_t kernel_w) {
  const bool fits = options.stride_h <= UINT8_MAX && options.stride_w <= UINT8_MAX &&
                    options.dilation_h <= UINT8_MAX && options.dilation_w <= UINT8_MAX &&
                    kernel_h <= UINT16_MAX && kernel_w <= UINT16_MAX && y.pad <= UINT16_MAX &&
                    x.pad <= UINT16_MAX;
  if (fits) return OkStatus();
  return {Code::kUnimplemented,
          "has a stride or dilation above 255 or a kernel above 65535; use a smaller one"};
}

/// Per-channel factor input scale * weight scale / output scale, as TFLite computes it: in double.
Result<std::vector<ChannelScale>> MakeChannels(const LoweringInput& input, const Tensor& in,
                                               const Tensor& weights, const Tensor& out,
                                               uint32_t count) {
  const auto& scales = weights.quantization.scale;
  TRY_ASSIGN(const std::vector<int32_t> bias, ReadBias(input, 2, count));
  std::vector<ChannelScale> channels(count);
  for (uint32_t c = 0; c < count; ++c) {
    const double weight_scale = scales.size() == 1 ? scales[0] : scales[c];
    const double real =
        static_cast<double>(ScaleOf(in)) * weight_scale / static_cast<double>(ScaleOf(out));
    TRY_ASSIGN(channels[c].multiplier, QuantizeMultiplier(real));
    channels[c].bias = bias[c];
  }
  return channels;
}

/// `channel_axis` is the dimension of the weights that counts output channels.
Result<Convolution> ReadConvolution(const LoweringInput& input, runtime::OpKind kind,
                                    uint32_t channel_axis) {
  Convolution conv;
  TRY_ASSIGN(conv.op, StartOp(input, kind, 1));
  TRY_ASSIGN(conv.weights, ReadWeights(input, 1, channel_axis));
  const Tensor& in = input.graph.tensor(input.op.inputs[0]);
  const Tensor& weights = input.graph.tensor(input.op.inputs[1]);
  const Tensor& out = input.graph.tensor(input.op.outputs[0]);
  TRY(CheckRank(input.graph, input.op.inputs[0], 4));
  TRY(CheckRank(input.graph, input.op.inputs[1], 4));
  TRY(CheckRank(input.graph, input.op.outputs[0], 4));
  conv.in = &in;
  conv.out = &out;
  conv.kernel_h = weights.shape[1];
  conv.kernel_w = weights.shape[2];

  const auto& options = std::get<ConvOptions>(input.op.options);
  TRY_ASSIGN(WindowPlacement y,
             PlaceWindow(options.padding, in.shape[1] + options.pad_top + options.pad_bottom,
                         conv.kernel_h, options.stride_h, options.dilation_h));
  TRY_ASSIGN(WindowPlacement x,
             PlaceWindow(options.padding, in.shape[2] + options.pad_left + options.pad_right,
                         conv.kernel_w, options.stride_w, options.dilation_w));
  y.pad += options.pad_top;
  x.pad += options.pad_left;
  TRY(CheckLimits(options, y, x, conv.kernel_h, conv.kernel_w));
  const std::vector<uint32_t> expected = {in.shape[0], y.output, x.output,
                                          weights.shape[channel_axis]};
  if (out.shape != expected) {
    return Contradiction(fmt::format("gives [{}], but its output tensor is [{}]",
                                     fmt::join(expected, ", "), fmt::join(out.shape, ", ")));
  }
  TRY_ASSIGN(conv.channels, MakeChannels(input, in, weights, out, weights.shape[channel_axis]));
  MakeFactorsPositive(conv.channels, conv.weights,
                      channel_axis == 0 ? WeightOrder::kChannelFirst : WeightOrder::kChannelLast);
  TRY_ASSIGN(const ActivationRange range,
             QuantizeActivation(options.activation, ScaleOf(out), ZeroPointOf(out)));
  conv.params = {.kernel_h = static_cast<uint16_t>(conv.kernel_h),
                 .kernel_w = static_cast<uint16_t>(conv.kernel_w),
                 .stride_h = static_cast<uint8_t>(options.stride_h),
                 .stride_w = static_cast<uint8_t>(options.stride_w),
                 .dilation_h = static_cast<uint8_t>(options.dilation_h),
                 .dilation_w = static_cast<uint8_t>(options.dilation_w),
                 .pad_top = static_cast<uint16_t>(y.pad),
                 .pad_left = static_cast<uint16_t>(x.pad),
                 .activation_min = range.min,
                 .activation_max = range.max,
                 .depth_multiplier = 1,
                 .weights_offset = 0,
                 .weights_bytes = 0,
                 .requant_offset = 0};
  return conv;
}

/// Puts weights, table and parameters into the operator.
LoweredOp Finish(Convolution conv, std::vector<std::byte> weights, std::vector<std::byte> table) {
  conv.params.weights_bytes = static_cast<uint32_t>(weights.size());
  conv.op.params = ToBytes(conv.params);
  conv.op.constants.push_back({std::move(table), offsetof(ConvParams, requant_offset), false});
  conv.op.constants.push_back({std::move(weights), offsetof(ConvParams, weights_offset), true});
  return std::move(conv.op);
}

LoweredOp FinishPlain(Convolution conv) {
  auto weights = ToBytes(conv.weights);
  auto table = ToBytes(MakeRequant(conv.channels));
  return Finish(std::move(conv), std::move(weights), std::move(table));
}

constexpr std::string_view kNotExact =
    "plain kernel: a channel's scale is outside what the packed form computes exactly";

/// [kernel_h][kernel_w][channels] as [channels][kernel_h][kernel_w].
std::vector<int8_t> ChannelFirst(std::span<const int8_t> weights, size_t channels) {
  const size_t taps = weights.size() / channels;
  std::vector<int8_t> planar(weights.size());
  for (size_t tap = 0; tap < taps; ++tap) {
    for (size_t c = 0; c < channels; ++c) planar[c * taps + tap] = weights[tap * channels + c];
  }
  return planar;
}

/// Whether the packed kernel has read, before it writes output row y, all input that lies where it
/// writes.
bool MayOverwriteInput(const Convolution& conv) {
  const auto& in = conv.in->shape;
  const auto& out = conv.out->shape;
  if (uint64_t{out[1]} * out[2] > uint64_t{in[1]} * in[2]) return false;
  // What was read grows ever slower than what is written: the first and the last row decide.
  for (const int64_t y : {int64_t{0}, int64_t{out[1]} - 1}) {
    const int64_t rows_read = std::min<int64_t>(
        in[1], y * conv.params.stride_h + conv.params.kernel_h - conv.params.pad_top);
    if ((y + 1) * out[2] > rows_read * in[2]) return false;
  }
  return true;
}

WeightForm DirectForm(const Variant& variant) {
  return variant.weights == WeightForm::kPackedInt16 ? WeightForm::kDirectInt16
                                                     : WeightForm::kDirectInt8;
}

/// A layer of a fused phase in the direct form, or plain where that is not defined or not exact.
/// `weights` lie channel after channel.
LoweredOp FinishDirect(Convolution conv, std::span<const int8_t> weights, const Variant& variant) {
  const auto channels = static_cast<uint32_t>(conv.channels.size());
  const bool depthwise = conv.op.kind == runtime::OpKind::kDepthwiseConv2D;
  const uint64_t depth = weights.size() / channels;
  const bool one_tap = conv.kernel_h == 1 && conv.kernel_w == 1;
  const bool defined = depthwise
                           ? conv.params.depth_multiplier == 1 && depth <= runtime::kMaxDirectTaps
                           : one_tap || depth <= runtime::kMaxDirectDepth;
  const bool dense = conv.params.dilation_h == 1 && conv.params.dilation_w == 1;
  const auto table = MakePackedRequant(conv.channels, weights, ZeroPointOf(*conv.in),
                                       ZeroPointOf(*conv.out), runtime::kDirectChannels);
  if (!defined || !dense || !table) return FinishPlain(std::move(conv));
  conv.op.form = DirectForm(variant);
  auto packed =
      depthwise ? PackDirectDepthwiseWeights(weights, channels, ZeroPointOf(*conv.in), conv.op.form)
                : PackDirectConvWeights(weights, channels, conv.op.form);
  return Finish(std::move(conv), std::move(packed), ToBytes(*table));
}

/// A layer of slices, or plain where that would not be exact. `weights` lie channel after channel.
LoweredOp FinishSliced(Convolution conv, std::span<const int8_t> weights, const Variant& variant) {
  const auto channels = static_cast<uint32_t>(conv.channels.size());
  const bool dense = conv.params.dilation_h == 1 && conv.params.dilation_w == 1;
  const auto table = MakePackedRequant(conv.channels, weights, ZeroPointOf(*conv.in),
                                       ZeroPointOf(*conv.out), runtime::kDirectChannels);
  if (conv.params.depth_multiplier != 1 || !dense || !table) return FinishPlain(std::move(conv));
  std::vector<std::byte> packed;
  if (conv.op.kind == runtime::OpKind::kDepthwiseConv2D) {
    conv.op.form = WeightForm::kSlicedInt16;
    packed = PackDepthwiseWeights(weights, channels, conv.kernel_h, conv.kernel_w,
                                  WeightForm::kPackedInt16);
  } else {
    conv.op.form = variant.weights == WeightForm::kPackedInt16 ? WeightForm::kSlicedInt16
                                                               : WeightForm::kSlicedInt8;
    packed = PackSlicedConvWeights(weights, channels, conv.op.form);
  }
  return Finish(std::move(conv), std::move(packed), ToBytes(*table));
}

LoweredOp FinishInPhase(Convolution conv, std::span<const int8_t> weights,
                        const LoweringInput& input) {
  const auto finish = input.placement == Placement::kSliced ? FinishSliced : FinishDirect;
  return finish(std::move(conv), weights, input.variant);
}

}  // namespace

Result<LoweredOp> LowerConv(const LoweringInput& input) {
  TRY_ASSIGN(Convolution conv, ReadConvolution(input, runtime::OpKind::kConv2D, 0));
  const Tensor& weights = input.graph.tensor(input.op.inputs[1]);
  if (weights.shape[3] != conv.in->shape[3]) {
    return Status(Code::kUnimplemented,
                  fmt::format("has {} input channels but weights for {}; grouped convolutions are "
                              "not supported, use one group",
                              conv.in->shape[3], weights.shape[3]));
  }
  const uint64_t depth = uint64_t{conv.kernel_h} * conv.kernel_w * conv.in->shape[3];
  conv.op.macs = conv.out->ElementCount() * depth;
  if (input.variant.kernels != runtime::KernelSetId::kDsp) return FinishPlain(std::move(conv));
  if (input.placement != Placement::kAlone) {
    const std::vector<int8_t> weights = conv.weights;
    return FinishInPhase(std::move(conv), weights, input);
  }

  const auto table = MakePackedRequant(conv.channels, conv.weights, ZeroPointOf(*conv.in),
                                       ZeroPointOf(*conv.out), runtime::kConvChannels);
  if (!table) {
    conv.op.note = kNotExact;
    return FinishPlain(std::move(conv));
  }
  conv.op.form = input.variant.weights;
  conv.op.scratch_bytes = runtime::ConvScratchBytes(depth, runtime::kConvPixels);
  auto packed = PackConvWeights(conv.weights, conv.out->shape[3], conv.op.form);
  return Finish(std::move(conv), std::move(packed), ToBytes(*table));
}

Result<LoweredOp> LowerDepthwiseConv(const LoweringInput& input) {
  TRY_ASSIGN(Convolution conv, ReadConvolution(input, runtime::OpKind::kDepthwiseConv2D, 3));
  const uint32_t in_channels = conv.in->shape[3];
  const uint32_t out_channels = conv.out->shape[3];
  const uint32_t multiplier = out_channels / in_channels;
  const uint32_t declared = std::get<ConvOptions>(input.op.options).depth_multiplier;
  if (out_channels % in_channels != 0 || (declared != 0 && declared != multiplier) ||
      input.graph.tensor(input.op.inputs[1]).shape[0] != 1 || multiplier > UINT16_MAX) {
    return Contradiction(fmt::format("makes {} channels of {} with depth multiplier {}",
                                     out_channels, in_channels, declared));
  }
  conv.params.depth_multiplier = static_cast<uint16_t>(multiplier);
  conv.op.macs = conv.out->ElementCount() * conv.kernel_h * conv.kernel_w;
  if (input.variant.kernels != runtime::KernelSetId::kDsp) return FinishPlain(std::move(conv));
  if (input.placement != Placement::kAlone) {
    const std::vector<int8_t> planar = ChannelFirst(conv.weights, out_channels);
    return FinishInPhase(std::move(conv), planar, input);
  }

  if (multiplier != 1 || conv.params.dilation_h != 1 || conv.params.dilation_w != 1) {
    conv.op.note = "plain kernel: depth multiplier or dilation above 1";
    return FinishPlain(std::move(conv));
  }
  const std::vector<int8_t> planar = ChannelFirst(conv.weights, out_channels);
  const auto table = MakePackedRequant(conv.channels, planar, ZeroPointOf(*conv.in),
                                       ZeroPointOf(*conv.out), runtime::kDepthwiseChannels);
  if (!table) {
    conv.op.note = kNotExact;
    return FinishPlain(std::move(conv));
  }
  conv.op.form = input.variant.weights;
  conv.op.scratch_bytes = runtime::DepthwiseScratchBytes(
      runtime::MakeDepthwiseStrip(conv.out->shape[1], conv.out->shape[2], conv.params.stride_h,
                                  conv.params.stride_w, conv.kernel_h, conv.kernel_w),
      conv.kernel_h, conv.kernel_w);
  if (MayOverwriteInput(conv)) conv.op.sharing = Sharing::kInPlace;
  auto packed =
      PackDepthwiseWeights(planar, out_channels, conv.kernel_h, conv.kernel_w, conv.op.form);
  return Finish(std::move(conv), std::move(packed), ToBytes(*table));
}

}  // namespace tinyrig::compiler
