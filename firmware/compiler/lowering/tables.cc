#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "firmware/compiler/lowering/op_lowering.h"

/// Functions of one int8: the compiler computes their 256 values as TensorFlow Lite's interpreter
/// does, the device looks them up. Also the conversions from and to float32.
namespace tinyrig::compiler {
namespace {

/// LOOKUP with the values of `function` for -128 to 127.
template <typename Function>
LoweredOp MakeTable(LoweredOp op, Function function) {
  std::vector<int8_t> table(256);
  for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) {
    table[static_cast<uint8_t>(value)] = function(value);
  }
  op.params = ToBytes(runtime::LookupParams{.table_offset = 0});
  op.constants.push_back({ToBytes(table), offsetof(runtime::LookupParams, table_offset), false});
  op.sharing = Sharing::kInPlace;
  return op;
}

struct Unary {
  LoweredOp op;
  const Tensor* in = nullptr;
  const Tensor* out = nullptr;
};

Result<Unary> StartUnary(const LoweringInput& input) {
  Unary unary;
  TRY_ASSIGN(unary.op, StartOp(input, runtime::OpKind::kLookup, 1));
  unary.in = &input.graph.tensors[unary.op.inputs[0]];
  unary.out = &input.graph.tensors[unary.op.output];
  if (unary.in->shape == unary.out->shape) return unary;
  return Status(Code::kInvalidArgument,
                fmt::format("makes [{}] of [{}]; convert the model again",
                            fmt::join(unary.out->shape, ", "), fmt::join(unary.in->shape, ", ")));
}

/// A curve over real numbers, rounded to the output's steps; all in float, as TFLite fills its
/// tables.
template <typename Curve>
LoweredOp MakeCurve(Unary unary, Curve curve) {
  const float in_scale = ScaleOf(*unary.in);
  const float steps = 1 / ScaleOf(*unary.out);
  const int32_t in_zero = ZeroPointOf(*unary.in);
  const auto out_zero = static_cast<float>(ZeroPointOf(*unary.out));
  return MakeTable(std::move(unary.op), [&](int32_t value) {
    const float real = in_scale * static_cast<float>(value - in_zero);
    const float step = std::round(curve(real) * steps) + out_zero;
    return static_cast<int8_t>(std::clamp(step, -128.0f, 127.0f));
  });
}

Status CheckOutput(const Tensor& out, float scale, int32_t zero_point) {
  if (ScaleOf(out) == scale && ZeroPointOf(out) == zero_point) return OkStatus();
  return {
      Code::kUnimplemented,
      fmt::format("has output scale {} and zero point {}, not {} and {}; convert the model with "
                  "full integer quantisation",
                  ScaleOf(out), ZeroPointOf(out), scale, zero_point)};
}

/// Factor between two scales as the activations of TFLite take it: divided in float.
Result<Multiplier> FloatFactor(float numerator, float denominator) {
  return QuantizeMultiplier(static_cast<double>(numerator / denominator));
}

Activation ActivationOf(const Op& op) {
  switch (static_cast<Builtin>(op.builtin)) {
    case Builtin::kRelu6:
      return Activation::kRelu6;
    case Builtin::kReluN1To1:
      return Activation::kReluN1To1;
    default:
      return Activation::kRelu;
  }
}

}  // namespace

Result<LoweredOp> LowerLogistic(const LoweringInput& input) {
  TRY_ASSIGN(Unary unary, StartUnary(input));
  TRY(CheckOutput(*unary.out, 1.0f / 256, -128));
  return MakeCurve(std::move(unary), [](float x) { return 1.0f / (1.0f + std::exp(-x)); });
}

Result<LoweredOp> LowerTanh(const LoweringInput& input) {
  TRY_ASSIGN(Unary unary, StartUnary(input));
  TRY(CheckOutput(*unary.out, 1.0f / 128, 0));
  return MakeCurve(std::move(unary), [](float x) { return std::tanh(x); });
}

Result<LoweredOp> LowerRelu(const LoweringInput& input) {
  TRY_ASSIGN(Unary unary, StartUnary(input));
  const int32_t in_zero = ZeroPointOf(*unary.in);
  const int32_t out_zero = ZeroPointOf(*unary.out);
  TRY_ASSIGN(const Multiplier factor, FloatFactor(ScaleOf(*unary.in), ScaleOf(*unary.out)));
  TRY_ASSIGN(const ActivationRange range,
             QuantizeActivation(ActivationOf(input.op), ScaleOf(*unary.out), out_zero));
  return MakeTable(std::move(unary.op), [&](int32_t value) {
    return Rescale(value - in_zero, factor, out_zero, range.min, range.max);
  });
}

Result<LoweredOp> LowerLeakyRelu(const LoweringInput& input) {
  TRY_ASSIGN(Unary unary, StartUnary(input));
  const float alpha = std::get<LeakyReluOptions>(input.op.options).alpha;
  const int32_t in_zero = ZeroPointOf(*unary.in);
  const int32_t out_zero = ZeroPointOf(*unary.out);
  TRY_ASSIGN(const Multiplier above, FloatFactor(ScaleOf(*unary.in), ScaleOf(*unary.out)));
  TRY_ASSIGN(const Multiplier below, FloatFactor(ScaleOf(*unary.in) * alpha, ScaleOf(*unary.out)));
  return MakeTable(std::move(unary.op), [&](int32_t value) {
    const int32_t centred = value - in_zero;
    return Rescale(centred, centred >= 0 ? above : below, out_zero);
  });
}

Result<LoweredOp> LowerHardSwish(const LoweringInput& input) {
  TRY_ASSIGN(Unary unary, StartUnary(input));
  TRY_ASSIGN(const std::vector<int8_t> table, HardSwishTable(*unary.in, *unary.out));
  return MakeTable(std::move(unary.op),
                   [&](int32_t value) { return table[static_cast<uint8_t>(value)]; });
}

Result<LoweredOp> LowerQuantize(const LoweringInput& input) {
  const bool from_float = !input.op.inputs.empty() && input.op.inputs[0] >= 0 &&
                          input.graph.tensor(input.op.inputs[0]).type == DataType::kFloat32;
  if (!from_float) {
    TRY_ASSIGN(Unary unary, StartUnary(input));
    const int32_t in_zero = ZeroPointOf(*unary.in);
    const int32_t out_zero = ZeroPointOf(*unary.out);
    TRY_ASSIGN(const Multiplier factor,
               QuantizeMultiplier(static_cast<double>(ScaleOf(*unary.in)) /
                                  static_cast<double>(ScaleOf(*unary.out))));
    return MakeTable(std::move(unary.op),
                     [&](int32_t value) { return Rescale(value - in_zero, factor, out_zero); });
  }
  TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kQuantize, {0}, Elements::kFloat32));
  TRY_ASSIGN(op.output, OnlyOutput(input, Elements::kInt8));
  TRY(CheckShape(input.graph.tensors[op.output], input.graph.tensors[op.inputs[0]].shape));
  op.sharing = Sharing::kInPlace;
  return op;
}

Result<LoweredOp> LowerDequantize(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kDequantize, {0}, Elements::kInt8));
  TRY_ASSIGN(op.output, OnlyOutput(input, Elements::kFloat32));
  TRY(CheckShape(input.graph.tensors[op.output], input.graph.tensors[op.inputs[0]].shape));
  return op;
}

}  // namespace tinyrig::compiler
