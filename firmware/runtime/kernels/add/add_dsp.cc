#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/broadcast.h"
#include "firmware/runtime/kernels/simd/simd.h"

namespace tinyrig::runtime {
namespace {

/// ADD as TFLite scales it: the input of the larger scale is halved, which is a shift; the other
/// one and the sum take a multiplication each.
struct Scaling {
  int32_t half_offset;  ///< -zero point of the halved input, already shifted.
  int32_t other_offset;
  int32_t other_multiplier;  ///< 2 * multiplier - 2^32, as ScaleHigh() takes it.
  int32_t other_correction;  ///< -1 for negative numbers that are rounded again, else 0.
  int32_t other_rounding;
  int32_t other_shift;
  int32_t out_multiplier;
  int32_t out_rounding;
  int32_t out_shift;
  int32_t out_zero_point;
};

/// Whether ScaleHigh() and a shift give the same as MultiplyByQuantizedMultiplier().
bool IsExact(int32_t multiplier, int32_t shift) {
  return multiplier >= 1 << 30 && shift <= 0 && shift >= -30;
}

bool IsHalf(const AddParams& params, int i) {
  return params.multiplier[i] == 1 << 30 && params.shift[i] == 0;
}

int32_t HighMultiplier(int32_t multiplier) {
  return static_cast<int32_t>(2u * static_cast<uint32_t>(multiplier));
}

int32_t Rounding(int32_t shift) { return shift < 0 ? 1 << (-shift - 1) : 0; }

/// REQUIRES: input `half` is halved, the rest exact, and the sum shifted.
Scaling MakeScaling(const OpContext& context, const AddParams& params, int half) {
  const int other = 1 - half;
  return {.half_offset = ShiftLeft(-context.input(half).zero_point, kAddLeftShift - 1),
          .other_offset = ShiftLeft(-context.input(other).zero_point, kAddLeftShift),
          .other_multiplier = HighMultiplier(params.multiplier[other]),
          .other_correction = params.shift[other] < 0 ? -1 : 0,
          .other_rounding = Rounding(params.shift[other]),
          .other_shift = -params.shift[other],
          .out_multiplier = HighMultiplier(params.output_multiplier),
          .out_rounding = Rounding(params.output_shift),
          .out_shift = -params.output_shift,
          .out_zero_point = context.output().zero_point};
}

inline int8_t Combine(const Scaling& s, int32_t half, int32_t other) {
  const int32_t x = WrappingAdd(s.other_offset, ShiftLeft(other, kAddLeftShift));
  const int32_t rounded =
      WrappingAdd(WrappingAdd(ScaleHigh(x, s.other_multiplier), (x >> 31) & s.other_correction),
                  s.other_rounding) >>
      s.other_shift;
  const int32_t sum =
      WrappingAdd(rounded, WrappingAdd(s.half_offset, ShiftLeft(half, kAddLeftShift - 1)));
  const int32_t high = WrappingAdd(ScaleHigh(sum, s.out_multiplier), sum >> 31);
  return SaturateToInt8(
      WrappingAdd(WrappingAdd(high, s.out_rounding) >> s.out_shift, s.out_zero_point));
}

// A function for each loop, with a copy of the scaling: together, or through a reference that the
// store of a byte may reach, they have too few registers.
[[gnu::noinline]] void CombineDense(const Scaling& shared, const int8_t* half, const int8_t* other,
                                    int8_t* result, size_t count) {
  const Scaling scaling = shared;
  for (size_t i = 0; i < count; ++i) result[i] = Combine(scaling, half[i], other[i]);
}

struct Steps {
  uint32_t half;
  uint32_t other;
};

[[gnu::noinline]] void CombineSteps(const Scaling& shared, const int8_t* half, const int8_t* other,
                                    int8_t* result, size_t count, Steps steps) {
  const Scaling scaling = shared;
  for (size_t i = 0; i < count; ++i, half += steps.half, other += steps.other) {
    result[i] = Combine(scaling, *half, *other);
  }
}

/// Whether Combine() gives the same as AddValues(), with input `half` as its first.
bool CanCombine(const AddParams& params, int half) {
  return IsHalf(params, half) && params.output_shift != 0 &&
         IsExact(params.multiplier[1 - half], params.shift[1 - half]) &&
         IsExact(params.output_multiplier, params.output_shift);
}

}  // namespace

void AddDsp(const OpContext& context) {
  const auto& params = context.params<AddParams>();
  const int half = IsHalf(params, 0) ? 0 : 1;
  if (!CanCombine(params, half)) return Add(context);
  const Scaling scaling = MakeScaling(context, params, half);
  ForEachRun(context, params.broadcast_offset, [&](const PairRun& run) {
    const int8_t* first = half == 0 ? run.a : run.b;
    const int8_t* second = half == 0 ? run.b : run.a;
    const Steps steps = half == 0 ? Steps{run.step_a, run.step_b} : Steps{run.step_b, run.step_a};
    if (steps.half == 1 && steps.other == 1) {
      CombineDense(scaling, first, second, run.result, run.count);
    } else {
      CombineSteps(scaling, first, second, run.result, run.count, steps);
    }
    ClampValues(run.result, run.count, params.activation_min, params.activation_max);
  });
}

void AddToPixelDsp(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel) {
  const auto& params = add.params<AddParams>();
  const int half = IsHalf(params, 0) ? 0 : 1;
  if (!CanCombine(params, half)) return AddToPixel(add, operand, waited, pixel);
  const Scaling scaling = MakeScaling(add, params, half);
  const uint32_t channels = add.output().dims[3];
  const bool waited_is_half = operand == half;
  CombineDense(scaling, waited_is_half ? waited : pixel, waited_is_half ? pixel : waited, pixel,
               channels);
  ClampValues(pixel, channels, params.activation_min, params.activation_max);
}

}  // namespace tinyrig::runtime
