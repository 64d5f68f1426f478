#include <bit>

#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/softmax/softmax.h"

namespace tinyrig::runtime {
namespace {

// Qm.n: m integer bits, n = 31 - m fraction bits, in an int32.
constexpr int32_t kScaledDiffBits = 5;  // Differences to the maximum: Q5.26.
constexpr int32_t kSumBits = 12;        // Sum of exponentials: Q12.19.
constexpr int32_t kOne = INT32_MAX;     // 1 in Q0.31, saturated.

int32_t Multiply(int32_t a, int32_t b) { return SaturatingRoundingDoublingHighMul(a, b); }

int32_t SaturatingShiftLeft(int32_t x, int32_t shift) {
  const int64_t wide = static_cast<int64_t>(x) << shift;
  if (wide > INT32_MAX) return INT32_MAX;
  return wide < INT32_MIN ? INT32_MIN : static_cast<int32_t>(wide);
}

/// exp(a) for a in [-1/4, 0), Q0.31 in and out: Taylor about -1/8.
int32_t ExpOfQuarter(int32_t a) {
  constexpr int32_t kExpMinusEighth = 1895147668;
  constexpr int32_t kThird = 715827883;
  const int32_t x = WrappingAdd(a, 1 << 28);
  const int32_t x2 = Multiply(x, x);
  const int32_t x3 = Multiply(x2, x);
  const int32_t x4 = Multiply(x2, x2);
  const int32_t x4_over_4 = RoundingDivideByPot(x4, 2);
  const int32_t tail =
      RoundingDivideByPot(WrappingAdd(Multiply(WrappingAdd(x4_over_4, x3), kThird), x2), 1);
  return WrappingAdd(kExpMinusEighth, Multiply(kExpMinusEighth, WrappingAdd(x, tail)));
}

/// exp(a) for a <= 0, Q5.26 in, Q0.31 out: a quarter at most by the polynomial, the rest by
/// squarings' constants.
int32_t ExpOfNegative(int32_t a) {
  if (a == 0) return kOne;
  constexpr int32_t kFraction = 31 - kScaledDiffBits;
  constexpr int32_t kQuarter = 1 << (kFraction - 2);
  // exp(-1/4), exp(-1/2), exp(-1), exp(-2), exp(-4), exp(-8), exp(-16) in Q0.31.
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308,
                                  39332535,   720401,     242};
  const int32_t quarter = (a & (kQuarter - 1)) - kQuarter;
  int32_t result = ExpOfQuarter(ShiftLeft(quarter, kScaledDiffBits));
  const uint32_t rest = static_cast<uint32_t>(quarter) - static_cast<uint32_t>(a);
  for (int32_t i = 0; i < 7; ++i) {
    if (rest & (static_cast<uint32_t>(kQuarter) << i)) result = Multiply(result, kFactors[i]);
  }
  return result;
}

/// 1 / (1 + a) for a in [0, 1], Q0.31 in and out: Newton's division.
int32_t OneOverOnePlus(int32_t a) {
  constexpr int32_t k48Over17 = 1515870810;        // Q2.29.
  constexpr int32_t kMinus32Over17 = -1010580540;  // Q2.29.
  constexpr int32_t kOneQ2 = 1 << 29;
  const auto half = static_cast<int32_t>((int64_t{a} + kOne + 1) >> 1);
  int32_t x = WrappingAdd(k48Over17, Multiply(half, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const int32_t error = WrappingAdd(kOneQ2, -Multiply(half, x));
    x = WrappingAdd(x, SaturatingShiftLeft(Multiply(x, error), 2));
  }
  return SaturatingShiftLeft(x, 1);
}

int32_t ExpOfDifference(int32_t difference, const SoftmaxParams& params) {
  return ExpOfNegative(Multiply(ShiftLeft(difference, params.left_shift), params.multiplier));
}

void SoftmaxRow(const int8_t* in, int8_t* out, const SoftmaxParams& params) {
  int32_t greatest = INT8_MIN;
  for (uint32_t i = 0; i < params.depth; ++i) {
    if (in[i] > greatest) greatest = in[i];
  }
  int32_t sum = 0;
  for (uint32_t i = 0; i < params.depth; ++i) {
    const int32_t difference = in[i] - greatest;
    if (difference < params.diff_min) continue;
    sum = WrappingAdd(sum, RoundingDivideByPot(ExpOfDifference(difference, params), kSumBits));
  }
  const int32_t headroom = std::countl_zero(static_cast<uint32_t>(sum));
  const auto fraction =
      static_cast<int32_t>((static_cast<uint32_t>(sum) << (headroom & 31)) - 0x80000000u);
  const int32_t reciprocal = OneOverOnePlus(fraction);
  const int32_t shift = Clamp(kSumBits - headroom + 31 - 8, 0, 31);
  for (uint32_t i = 0; i < params.depth; ++i) {
    const int32_t difference = in[i] - greatest;
    if (difference < params.diff_min) {
      out[i] = INT8_MIN;
      continue;
    }
    const int32_t share =
        RoundingDivideByPot(Multiply(reciprocal, ExpOfDifference(difference, params)), shift);
    out[i] = static_cast<int8_t>(Clamp(WrappingAdd(share, INT8_MIN), INT8_MIN, INT8_MAX));
  }
}

}  // namespace

Code PrepareSoftmax(const OpCheck& check) {
  if (!check.Has<SoftmaxParams>(1)) return Code::kInvalidArgument;
  const auto& params = check.params<SoftmaxParams>();
  const uint64_t count = uint64_t{params.rows} * params.depth;
  const bool sound =
      check.input().type == ElementType::kInt8 && check.output().type == ElementType::kInt8 &&
      count > 0 && count == ElementCount(check.input()) && count == ElementCount(check.output()) &&
      params.left_shift >= 0 && params.left_shift <= 31;
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Softmax(const OpContext& context) {
  const auto& params = context.params<SoftmaxParams>();
  const int8_t* in = context.input_data();
  int8_t* out = context.output_data();
  for (uint32_t row = 0; row < params.rows; ++row, in += params.depth, out += params.depth) {
    SoftmaxRow(in, out, params);
  }
}

}  // namespace tinyrig::runtime
