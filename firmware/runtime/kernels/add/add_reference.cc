#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/broadcast.h"

namespace tinyrig::runtime {
namespace {

template <bool kSubtract>
void Combine(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  const AddScaling scaling = {context.input(0).zero_point, context.input(1).zero_point,
                              context.output().zero_point, params};
  ForEachRun(context, params.broadcast_offset, [&](PairRun run) {
    for (size_t i = 0; i < run.count; ++i, run.a += run.step_a, run.b += run.step_b) {
      run.result[i] = AddValues<kSubtract>(scaling, *run.a, *run.b);
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
