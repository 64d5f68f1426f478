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

/// All that does not change from pair to pair.
struct Scaling {
  Factor a;
  Factor b;
  Factor out;
  int32_t zero_a;
  int32_t zero_b;
  int32_t zero_out;

  template <bool kSubtract>
  int8_t Combine(int32_t value_a, int32_t value_b) const {
    const int32_t scaled_a = a.Apply(ShiftLeft(value_a - zero_a, kAddLeftShift));
    const int32_t scaled_b = b.Apply(ShiftLeft(value_b - zero_b, kAddLeftShift));
    const int32_t sum =
        kSubtract ? WrappingSub(scaled_a, scaled_b) : WrappingAdd(scaled_a, scaled_b);
    return SaturateToInt8(WrappingAdd(out.Apply(sum), zero_out));
  }
};

// A function for each loop, with a copy of the scaling: together, or through a reference that a
// store of a byte may reach, they have too few registers.
template <bool kSubtract>
[[gnu::noinline]] void CombineDense(const Scaling& shared, const PairRun& run) {
  const Scaling scaling = shared;
  const int8_t* a = run.a;
  const int8_t* b = run.b;
  int8_t* result = run.result;
  const size_t count = run.count;
  for (size_t i = 0; i < count; ++i) result[i] = scaling.Combine<kSubtract>(a[i], b[i]);
}

template <bool kSubtract>
[[gnu::noinline]] void CombineSteps(const Scaling& shared, const PairRun& run) {
  const Scaling scaling = shared;
  const int8_t* a = run.a;
  const int8_t* b = run.b;
  for (size_t i = 0; i < run.count; ++i, a += run.step_a, b += run.step_b) {
    run.result[i] = scaling.Combine<kSubtract>(*a, *b);
  }
}

template <bool kSubtract>
void Combine(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  if (!IsExact(params)) return kSubtract ? Sub(context) : Add(context);
  const Scaling scaling = {.a = {params.multiplier[0], params.shift[0]},
                           .b = {params.multiplier[1], params.shift[1]},
                           .out = {params.output_multiplier, params.output_shift},
                           .zero_a = context.input(0).zero_point,
                           .zero_b = context.input(1).zero_point,
                           .zero_out = context.output().zero_point};
  ForEachRun(context, params.broadcast_offset, [&](const PairRun& run) {
    const bool is_dense = run.step_a == 1 && run.step_b == 1;
    is_dense ? CombineDense<kSubtract>(scaling, run) : CombineSteps<kSubtract>(scaling, run);
    ClampValues(run.result, run.count, params.activation_min, params.activation_max);
  });
}

}  // namespace

void AddDsp(const OpContext& context) { Combine<false>(context); }
void SubDsp(const OpContext& context) { Combine<true>(context); }

}  // namespace tinyrig::runtime
