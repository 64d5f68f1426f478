#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/broadcast.h"

namespace tinyrig::runtime {
namespace {

template <bool kSubtract>
void Combine(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  const int32_t zero_a = context.input(0).zero_point;
  const int32_t zero_b = context.input(1).zero_point;
  const int32_t zero_out = context.output().zero_point;
  const auto scaled = [&](int32_t value, int i) {
    return MultiplyByQuantizedMultiplier(ShiftLeft(value, kAddLeftShift), params.multiplier[i],
                                         params.shift[i]);
  };
  ForEachRun(context, params.broadcast_offset, [&](PairRun run) {
    for (size_t i = 0; i < run.count; ++i, run.a += run.step_a, run.b += run.step_b) {
      const int32_t a = scaled(*run.a - zero_a, 0);
      const int32_t b = scaled(*run.b - zero_b, 1);
      const int32_t sum =
          MultiplyByQuantizedMultiplier(kSubtract ? WrappingSub(a, b) : WrappingAdd(a, b),
                                        params.output_multiplier, params.output_shift);
      run.result[i] = static_cast<int8_t>(
          Clamp(WrappingAdd(sum, zero_out), params.activation_min, params.activation_max));
    }
  });
}

}  // namespace

Code PrepareAdd(const OpCheck& check) {
  if (!check.Has<AddParams>(2)) return Code::kInvalidArgument;
  const auto& params = check.params<AddParams>();
  const bool sound = PairsAreSound(check, params.broadcast_offset) &&
                     ShiftIsSound(params.shift[0]) && ShiftIsSound(params.shift[1]) &&
                     ShiftIsSound(params.output_shift) &&
                     params.activation_min <= params.activation_max;
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Add(const OpContext& context) { Combine<false>(context); }
void Sub(const OpContext& context) { Combine<true>(context); }

}  // namespace tinyrig::runtime
