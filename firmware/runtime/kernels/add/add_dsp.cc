#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/broadcast.h"
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

template <bool kSubtract>
void Combine(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  if (!IsExact(params)) return kSubtract ? Sub(context) : Add(context);
  const Factor factor_a(params.multiplier[0], params.shift[0]);
  const Factor factor_b(params.multiplier[1], params.shift[1]);
  const Factor factor_out(params.output_multiplier, params.output_shift);
  const int32_t zero_a = context.input(0).zero_point;
  const int32_t zero_b = context.input(1).zero_point;
  const int32_t zero_out = context.output().zero_point;
  const auto combined = [&](int32_t value_a, int32_t value_b) {
    const int32_t a = factor_a.Apply(ShiftLeft(value_a - zero_a, kAddLeftShift));
    const int32_t b = factor_b.Apply(ShiftLeft(value_b - zero_b, kAddLeftShift));
    const int32_t sum = kSubtract ? WrappingSub(a, b) : WrappingAdd(a, b);
    return SaturateToInt8(WrappingAdd(factor_out.Apply(sum), zero_out));
  };

  ForEachRun(context, params.broadcast_offset, [&](PairRun run) {
    if (run.step_a == 1 && run.step_b == 1) {
      for (size_t i = 0; i < run.count; ++i) run.result[i] = combined(run.a[i], run.b[i]);
    } else {
      for (size_t i = 0; i < run.count; ++i, run.a += run.step_a, run.b += run.step_b) {
        run.result[i] = combined(*run.a, *run.b);
      }
    }
    ClampValues(run.result, run.count, params.activation_min, params.activation_max);
  });
}

}  // namespace

void AddDsp(const OpContext& context) { Combine<false>(context); }
void SubDsp(const OpContext& context) { Combine<true>(context); }

}  // namespace tinyrig::runtime
