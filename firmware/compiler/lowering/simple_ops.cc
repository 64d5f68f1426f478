#include <fmt/format.h>

#include <cmath>

#include "firmware/compiler/lowering/op_lowering.h"

/// Operators without weights.
namespace tinyrig::compiler {
namespace {

/// Pools take scales for equal that differ by a rounding, as TFLite does.
bool SameQuantization(const Tensor& a, const Tensor& b) {
  return std::abs(ScaleOf(a) - ScaleOf(b)) <= 1e-6f && ZeroPointOf(a) == ZeroPointOf(b);
}

}  // namespace

Result<LoweredOp> LowerPool(const LoweringInput& input) {
  const bool is_average = input.op.builtin == static_cast<int32_t>(Builtin::kAveragePool2D);
  const auto kind = is_average ? runtime::OpKind::kAveragePool2D : runtime::OpKind::kMaxPool2D;
  TRY_ASSIGN(LoweredOp op, StartOp(input, kind, 1));
  TRY(CheckRank(input.graph, input.op.inputs[0], 4));
  TRY(CheckRank(input.graph, input.op.outputs[0], 4));
  const Tensor& in = input.graph.tensor(input.op.inputs[0]);
  const Tensor& out = input.graph.tensor(input.op.outputs[0]);
  const auto& options = std::get<PoolOptions>(input.op.options);
  if (!SameQuantization(in, out)) {
    return Contradiction("changes the quantisation, which pooling may not");
  }
  TRY_ASSIGN(const WindowPlacement y,
             PlaceWindow(options.padding, in.shape[1], options.kernel_h, options.stride_h, 1));
  TRY_ASSIGN(const WindowPlacement x,
             PlaceWindow(options.padding, in.shape[2], options.kernel_w, options.stride_w, 1));
  const std::vector<uint32_t> expected = {in.shape[0], y.output, x.output, in.shape[3]};
  if (out.shape != expected) {
    return Contradiction(fmt::format("gives [{}], but its output tensor is [{}]",
                                     fmt::join(expected, ", "), fmt::join(out.shape, ", ")));
  }
  if (options.stride_h > UINT8_MAX || options.stride_w > UINT8_MAX) {
    return Status(Code::kUnimplemented, "has a stride above 255; use a smaller one");
  }
  TRY_ASSIGN(const ActivationRange range,
             QuantizeActivation(options.activation, ScaleOf(out), ZeroPointOf(out)));
  op.params = ToBytes(runtime::PoolParams{.kernel_h = static_cast<uint16_t>(options.kernel_h),
                                          .kernel_w = static_cast<uint16_t>(options.kernel_w),
                                          .stride_h = static_cast<uint8_t>(options.stride_h),
                                          .stride_w = static_cast<uint8_t>(options.stride_w),
                                          .pad_top = static_cast<uint16_t>(y.pad),
                                          .pad_left = static_cast<uint16_t>(x.pad),
                                          .activation_min = range.min,
                                          .activation_max = range.max});
  return op;
}

Result<LoweredOp> LowerReshape(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kReshape, {0}, Elements::kAny));
  TRY_ASSIGN(op.output, OnlyOutput(input, Elements::kAny));
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  if (in.ElementCount() != out.ElementCount()) {
    return Contradiction(
        fmt::format("makes {} elements of {}", out.ElementCount(), in.ElementCount()));
  }
  TRY(CheckSameType(in, out));
  op.sharing = Sharing::kView;
  return op;
}

Result<LoweredOp> LowerSoftmax(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartOp(input, runtime::OpKind::kSoftmax, 1));
  const Tensor& in = input.graph.tensor(input.op.inputs[0]);
  const Tensor& out = input.graph.tensor(input.op.outputs[0]);
  if (in.shape != out.shape || in.shape.empty()) {
    return Contradiction("changes the shape, which a softmax may not");
  }
  if (ScaleOf(out) != 1.0f / 256 || ZeroPointOf(out) != -128) {
    return Status(Code::kUnimplemented,
                  fmt::format("has output scale {} and zero point {}, not 1/256 and -128; convert "
                              "the model with full integer quantisation",
                              ScaleOf(out), ZeroPointOf(out)));
  }
  const auto& options = std::get<SoftmaxOptions>(input.op.options);
  TRY_ASSIGN(const SoftmaxScaling scaling, QuantizeSoftmax(options.beta, ScaleOf(in)));
  const uint32_t depth = in.shape.back();
  op.params =
      ToBytes(runtime::SoftmaxParams{.rows = static_cast<uint32_t>(in.ElementCount() / depth),
                                     .depth = depth,
                                     .multiplier = scaling.multiplier,
                                     .left_shift = scaling.left_shift,
                                     .diff_min = scaling.diff_min});
  op.sharing = Sharing::kInPlace;
  return op;
}

}  // namespace tinyrig::compiler
