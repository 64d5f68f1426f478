#include "firmware/compiler/lowering/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "firmware/runtime/fixed_point.h"

namespace tinyrig::compiler {

namespace {

/// Fraction and exponent of a number, rounded to Q31.
Multiplier Split(double real) {
  int exponent = 0;
  const double fraction = std::frexp(real, &exponent);
  auto fixed = static_cast<int64_t>(std::round(fraction * static_cast<double>(int64_t{1} << 31)));
  if (fixed == int64_t{1} << 31) {
    fixed /= 2;
    ++exponent;
  }
  return {static_cast<int32_t>(fixed), exponent};
}

}  // namespace

Result<Multiplier> QuantizeMultiplier(double real) {
  if (!std::isfinite(real)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("its scales give the factor {}; convert the model again", real));
  }
  if (real == 0) return Multiplier{};
  const Multiplier split = Split(real);
  if (split.shift < -31) return Multiplier{};
  if (split.shift > 30) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("its scales give the factor {}, beyond 2^30; convert the model again", real));
  }
  return split;
}

Result<ActivationRange> QuantizeActivation(Activation activation, float scale, int32_t zero_point) {
  const auto quantize = [&](float real) {
    // Limited before the conversion: a tiny scale must not overflow the integer.
    const float steps = std::clamp(std::round(real / scale), -1e6f, 1e6f);
    return zero_point + static_cast<int32_t>(steps);
  };
  int32_t low = INT8_MIN;
  int32_t high = INT8_MAX;
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      low = std::max(low, quantize(0));
      break;
    case Activation::kReluN1To1:
      low = std::max(low, quantize(-1));
      high = std::min(high, quantize(1));
      break;
    case Activation::kRelu6:
      low = std::max(low, quantize(0));
      high = std::min(high, quantize(6));
      break;
    case Activation::kTanh:
    case Activation::kSignBit:
      return Status(
          Code::kUnimplemented,
          "has a fused TANH or SIGN_BIT activation; use NONE, RELU, RELU6 or RELU_N1_TO_1");
  }
  return ActivationRange{static_cast<int8_t>(low), static_cast<int8_t>(high)};
}

int8_t Rescale(int32_t value, const Multiplier& factor, int32_t zero_point, int32_t low,
               int32_t high) {
  const int32_t scaled =
      runtime::MultiplyByQuantizedMultiplier(value, factor.multiplier, factor.shift);
  return static_cast<int8_t>(runtime::Clamp(runtime::WrappingAdd(scaled, zero_point), low, high));
}

Result<SoftmaxScaling> QuantizeSoftmax(float beta, float input_scale) {
  constexpr int kIntegerBits = 5;
  constexpr int kFractionBits = 31 - kIntegerBits;
  const double real = std::min(static_cast<double>(beta) * static_cast<double>(input_scale) *
                                   static_cast<double>(1 << kFractionBits),
                               static_cast<double>((int64_t{1} << 31) - 1));
  if (!(real > 1)) {
    return Status(Code::kUnimplemented,
                  "has an input scale below 2^-26; convert the model with a wider input range");
  }
  const Multiplier exact = Split(real);
  const double max_rescaled = static_cast<double>((1 << kIntegerBits) - 1) *
                              static_cast<double>(int64_t{1} << kFractionBits) /
                              static_cast<double>(int64_t{1} << exact.shift);
  return SoftmaxScaling{exact.multiplier, exact.shift,
                        -static_cast<int32_t>(std::floor(max_rescaled))};
}

Result<WindowPlacement> PlaceWindow(Padding padding, uint32_t input, uint32_t kernel,
                                    uint32_t stride, uint32_t dilation) {
  const uint64_t reach = uint64_t{kernel - 1} * dilation + 1;
  if (padding == Padding::kValid) {
    if (reach > input) {
      return Status(Code::kInvalidArgument,
                    fmt::format("has a window of {} over {} values without padding; convert the "
                                "model again",
                                reach, input));
    }
    return WindowPlacement{static_cast<uint32_t>((input - reach) / stride + 1), 0};
  }
  const uint64_t output = (uint64_t{input} + stride - 1) / stride;
  const uint64_t covered = (output - 1) * stride + reach;
  return WindowPlacement{static_cast<uint32_t>(output),
                         static_cast<uint32_t>(covered > input ? (covered - input) / 2 : 0)};
}

}  // namespace tinyrig::compiler
