#include "firmware/runtime/kernels/reduce/reduce.h"

#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/walk.h"

namespace tinyrig::runtime {
namespace {

constexpr size_t kLast = kMaxRank - 1;

/// Walks of reductions only go forwards.
const int32_t* Signed(const uint32_t* strides) { return reinterpret_cast<const int32_t*>(strides); }

uint64_t Product(const uint32_t* dims, uint64_t limit) {
  uint64_t product = 1;
  for (size_t d = 0; d < kMaxRank && product <= limit; ++d) product *= dims[d];
  return product;
}

int32_t Sum(const int8_t* values, const ReduceParams& params) {
  const uint32_t count = params.reduced_dims[kLast];
  const uint32_t step = params.reduced_strides[kLast];
  uint32_t sum = 0;
  Walk<1> walk(params.reduced_dims, {params.reduced_strides});
  do {
    const int8_t* value = values + walk.at(0);
    for (uint32_t i = 0; i < count; ++i, value += step)
      sum += static_cast<uint32_t>(int32_t{*value});
  } while (walk.Next());
  return static_cast<int32_t>(sum);
}

}  // namespace

Code PrepareReduce(const OpCheck& check) {
  if (!check.Has<ReduceParams>(1)) return Code::kInvalidArgument;
  const auto& params = check.params<ReduceParams>();
  const uint64_t read = ElementCount(check.input());
  const uint64_t written = ElementCount(check.output());
  if (check.input().type != ElementType::kInt8 || check.output().type != ElementType::kInt8 ||
      !ShiftIsSound(params.shift) || Product(params.kept_dims, written) != written) {
    return Code::kInvalidArgument;
  }
  // The two walks add up: the farthest kept position is where the farthest sum starts.
  uint64_t start = 0;
  for (size_t d = 0; d < kMaxRank; ++d) {
    if (params.kept_strides[d] > INT32_MAX || params.reduced_strides[d] > INT32_MAX) {
      return Code::kInvalidArgument;
    }
    start += uint64_t{params.kept_dims[d] - 1} * params.kept_strides[d];
    if (start >= read) return Code::kInvalidArgument;
  }
  const bool sound =
      WalkIsSound(params.reduced_dims, Signed(params.reduced_strides), start, read, read);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Reduce(const OpContext& context) {
  const auto& params = context.params<ReduceParams>();
  const int8_t* in = context.input_data();
  int8_t* result = context.output_data();
  const int32_t zero_point = context.output().zero_point;
  Walk<1> walk(params.kept_dims, {params.kept_strides});
  do {
    uint32_t at = walk.at(0);
    for (uint32_t i = 0; i < params.kept_dims[kLast]; ++i, at += params.kept_strides[kLast]) {
      const int32_t sum = WrappingAdd(Sum(in + at, params), params.offset);
      const int32_t scaled = MultiplyByQuantizedMultiplier(sum, params.multiplier, params.shift);
      *result++ = static_cast<int8_t>(Clamp(WrappingAdd(scaled, zero_point), INT8_MIN, INT8_MAX));
    }
  } while (walk.Next());
}

}  // namespace tinyrig::runtime
