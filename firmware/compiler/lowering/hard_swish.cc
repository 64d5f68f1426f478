#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/lowering/op_lowering.h"
#include "firmware/runtime/fixed_point.h"

/// HARD_SWISH, x * relu6(x + 3) / 6, in the 16-bit fixed point of TensorFlow Lite.
namespace tinyrig::compiler {
namespace {

constexpr int32_t kFractionBits = 7;  ///< Of inputs, beyond their own steps.

int32_t Saturate16(int32_t value) { return runtime::Clamp(value, INT16_MIN, INT16_MAX); }

/// 2 * a * b / 2^16, to the nearest, halves up. Only -2^15 squared does not fit.
int32_t RoundedHigh(int32_t a, int32_t b) {
  return Saturate16(static_cast<int32_t>((int64_t{a} * b + (1 << 14)) >> 15));
}

/// The same towards zero.
int32_t CutHigh(int32_t a, int32_t b) {
  return Saturate16(static_cast<int32_t>(int64_t{a} * b / (1 << 15)));
}

/// A multiplier with a fraction of 16 bits.
struct Factor16 {
  int32_t fraction = 0;
  int32_t exponent = 0;
};

Result<Factor16> MakeFactor(float real) {
  TRY_ASSIGN(const Multiplier wide, QuantizeMultiplier(static_cast<double>(real)));
  const int64_t rounded = (int64_t{wide.multiplier} + (1 << 15)) >> 16;
  if (wide.shift < -15 || wide.shift > 15) {
    return Status(Code::kUnimplemented,
                  fmt::format("has scales that give the factor {}; convert the model again", real));
  }
  return Factor16{static_cast<int32_t>(std::min<int64_t>(rounded, INT16_MAX)), wide.shift};
}

/// x from [-3, 3] to [-1, 1] in Q0.15, saturated.
int32_t Gate(int32_t value, const Factor16& factor) {
  if (factor.exponent > 0) value = Saturate16(value * (1 << (factor.exponent - 1)));
  value = RoundedHigh(value, factor.fraction);
  if (factor.exponent > 0) return Saturate16(value * 2);
  return runtime::RoundingDivideByPot(value, -factor.exponent);
}

}  // namespace

Result<std::vector<int8_t>> HardSwishTable(const Tensor& in, const Tensor& out) {
  const float fine_scale = (1.0f / (1 << kFractionBits)) * ScaleOf(in);
  constexpr float kGateScale = 3.0f / 32768.0f;
  TRY_ASSIGN(const Factor16 to_output, MakeFactor(fine_scale / ScaleOf(out)));
  TRY_ASSIGN(const Factor16 to_gate, MakeFactor(fine_scale / kGateScale));
  if (to_output.exponent > 0) {
    return Status(Code::kUnimplemented,
                  "has an output scale below 1/128 of its input's; convert the model again");
  }
  std::vector<int8_t> table(256);
  for (int32_t value = INT8_MIN; value <= INT8_MAX; ++value) {
    const int32_t fine = (value - ZeroPointOf(in)) * (1 << kFractionBits);
    const int32_t gate = (Gate(fine, to_gate) + (1 << 15)) >> 1;
    const int32_t product = CutHigh(gate, RoundedHigh(fine, to_output.fraction));
    const int32_t scaled = runtime::RoundingDivideByPot(product, -to_output.exponent);
    table[static_cast<uint8_t>(value)] =
        static_cast<int8_t>(runtime::Clamp(scaled + ZeroPointOf(out), INT8_MIN, INT8_MAX));
  }
  return table;
}

}  // namespace tinyrig::compiler
