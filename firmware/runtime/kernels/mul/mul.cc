#include "firmware/runtime/kernels/mul/mul.h"

#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/broadcast.h"

namespace tinyrig::runtime {

Code PrepareMul(const OpCheck& check) {
  if (!check.Has<MulParams>(2)) return Code::kInvalidArgument;
  const auto& params = check.params<MulParams>();
  const bool sound = PairsAreSound(check, params.broadcast_offset) && ShiftIsSound(params.shift) &&
                     params.activation_min <= params.activation_max;
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Mul(const OpContext& context) {
  const auto& params = context.params<MulParams>();
  const int32_t zero_a = context.input(0).zero_point;
  const int32_t zero_b = context.input(1).zero_point;
  const int32_t zero_out = context.output().zero_point;
  ForEachRun(context, params.broadcast_offset, [&](PairRun run) {
    for (size_t i = 0; i < run.count; ++i, run.a += run.step_a, run.b += run.step_b) {
      // Below 2^31 also for zero points that no int8 tensor has: they are int16.
      const int32_t product = (*run.a - zero_a) * (*run.b - zero_b);
      const int32_t scaled =
          MultiplyByQuantizedMultiplier(product, params.multiplier, params.shift);
      run.result[i] = static_cast<int8_t>(
          Clamp(WrappingAdd(scaled, zero_out), params.activation_min, params.activation_max));
    }
  });
}

}  // namespace tinyrig::runtime
