#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/simd/simd.h"

namespace tinyrig::runtime {
namespace {

/// A multiplier and a shift to the right as ScaleHigh() takes them: the same result as
/// MultiplyByQuantizedMultiplier().
class Factor {
 public:
  /// REQUIRES: IsExact(multiplier, shift).
  Factor(int32_t multiplier, int32_t shift)
      : multiplier_(static_cast<int32_t>(2u * static_cast<uint32_t>(multiplier))),
        // Without a shift there is no second rounding, nor its correction for negative numbers.
        correction_(shift < 0 ? -1 : 0),
        rounding_(shift < 0 ? 1 << (-shift - 1) : 0),
        shift_(-shift) {}

  static bool IsExact(int32_t multiplier, int32_t shift) {
    return multiplier >= 1 << 30 && shift <= 0 && shift >= -30;
  }

  int32_t Apply(int32_t x) const {
    const auto sum = static_cast<uint32_t>(ScaleHigh(x, multiplier_)) +
                     static_cast<uint32_t>((x >> 31) & correction_) +
                     static_cast<uint32_t>(rounding_);
    return static_cast<int32_t>(sum) >> shift_;
  }

 private:
  int32_t multiplier_;  // 2 * multiplier - 2^32.
  int32_t correction_;
  int32_t rounding_;
  int32_t shift_;
};

bool IsExact(const AddParams& params) {
  return Factor::IsExact(params.multiplier[0], params.shift[0]) &&
         Factor::IsExact(params.multiplier[1], params.shift[1]) &&
         Factor::IsExact(params.output_multiplier, params.output_shift);
}

}  // namespace

void AddDsp(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  if (!IsExact(params)) return Add(context);
  const Factor factor_a(params.multiplier[0], params.shift[0]);
  const Factor factor_b(params.multiplier[1], params.shift[1]);
  const Factor factor_out(params.output_multiplier, params.output_shift);
  const int8_t* a = context.input_data(0);
  const int8_t* b = context.input_data(1);
  int8_t* result = context.output_data();
  const int32_t zero_a = context.input(0).zero_point;
  const int32_t zero_b = context.input(1).zero_point;
  const int32_t zero_out = context.output().zero_point;
  const auto count = static_cast<size_t>(ElementCount(context.output()));

  for (size_t i = 0; i < count; ++i) {
    const int32_t sum = WrappingAdd(factor_a.Apply(ShiftLeft(a[i] - zero_a, kAddLeftShift)),
                                    factor_b.Apply(ShiftLeft(b[i] - zero_b, kAddLeftShift)));
    result[i] = SaturateToInt8(WrappingAdd(factor_out.Apply(sum), zero_out));
  }
  ClampValues(result, count, params.activation_min, params.activation_max);
}

}  // namespace tinyrig::runtime
