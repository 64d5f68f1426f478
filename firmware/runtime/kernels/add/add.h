#pragma once

#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/kernel.h"

/// ADD and SUB of two int8 tensors, either of which may repeat or be a constant; AddParams.
/// Units:   both inputs at twice the larger of their scales, with 20 more bits; then requantised.
/// Memory:  none; the output may take the place of an input of its own shape.
/// Errors:  none after prepare.
/// Source:  TFLite int8 quantisation spec; goldens in tests/golden.
namespace tinyrig::runtime {

/// Room for fractions while the inputs are brought to one scale.
inline constexpr int32_t kAddLeftShift = 20;

struct AddScaling {
  int32_t zero_a;
  int32_t zero_b;
  int32_t zero_out;
  const AddParams& params;
};

/// One element: a + b, or a - b.
template <bool kSubtract = false>
inline int8_t AddValues(const AddScaling& scaling, int32_t a, int32_t b) {
  const AddParams& params = scaling.params;
  a = MultiplyByQuantizedMultiplier(ShiftLeft(a - scaling.zero_a, kAddLeftShift),
                                    params.multiplier[0], params.shift[0]);
  b = MultiplyByQuantizedMultiplier(ShiftLeft(b - scaling.zero_b, kAddLeftShift),
                                    params.multiplier[1], params.shift[1]);
  const int32_t sum =
      MultiplyByQuantizedMultiplier(kSubtract ? WrappingSub(a, b) : WrappingAdd(a, b),
                                    params.output_multiplier, params.output_shift);
  return static_cast<int8_t>(
      Clamp(WrappingAdd(sum, scaling.zero_out), params.activation_min, params.activation_max));
}

Code PrepareAdd(const OpCheck& check);
void Add(const OpContext& context);
void Sub(const OpContext& context);
void AddDsp(const OpContext& context);
/// Kernel::sum.
void AddToPixelDsp(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel);

}  // namespace tinyrig::runtime
