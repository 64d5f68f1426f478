#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/add/add.h"

namespace tinyrig::runtime {
namespace {

bool ShiftIsSound(int32_t shift) { return shift >= -31 && shift <= 30; }

}  // namespace

Code PrepareAdd(const OpCheck& check) {
  if (!check.Has<AddParams>(2)) return Code::kInvalidArgument;
  const auto& params = check.params<AddParams>();
  const TensorRecord& out = check.output();
  for (int i = 0; i < 2; ++i) {
    const TensorRecord& in = check.input(i);
    if (in.type != ElementType::kInt8 || ElementCount(in) != ElementCount(out) ||
        !ShiftIsSound(params.shift[i])) {
      return Code::kInvalidArgument;
    }
  }
  const bool sound = out.type == ElementType::kInt8 && ShiftIsSound(params.output_shift) &&
                     params.activation_min <= params.activation_max;
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Add(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  const int8_t* a = context.input_data(0);
  const int8_t* b = context.input_data(1);
  int8_t* result = context.output_data();
  const int32_t zero_a = context.input(0).zero_point;
  const int32_t zero_b = context.input(1).zero_point;
  const int32_t zero_out = context.output().zero_point;
  const uint64_t count = ElementCount(context.output());

  for (uint64_t i = 0; i < count; ++i) {
    const int32_t scaled_a = MultiplyByQuantizedMultiplier(ShiftLeft(a[i] - zero_a, kAddLeftShift),
                                                           params.multiplier[0], params.shift[0]);
    const int32_t scaled_b = MultiplyByQuantizedMultiplier(ShiftLeft(b[i] - zero_b, kAddLeftShift),
                                                           params.multiplier[1], params.shift[1]);
    const int32_t sum = MultiplyByQuantizedMultiplier(
        WrappingAdd(scaled_a, scaled_b), params.output_multiplier, params.output_shift);
    result[i] = static_cast<int8_t>(
        Clamp(WrappingAdd(sum, zero_out), params.activation_min, params.activation_max));
  }
}

}  // namespace tinyrig::runtime
