#pragma once

#include "firmware/runtime/fusion/direct_steps.h"

/// The loops of direct_steps.h written out: the compiler has too few registers for them otherwise.
namespace tinyrig::runtime {

/// 16 products in 23 instructions.
template <>
inline const Word* AddRun<WeightForm::kDirectInt8>(const int8_t* values, const int8_t* end,
                                                   const Word* weights, int32_t (&sums)[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  uint32_t even, odd, wa, wb, t;
  asm volatile(
      "1:\n\t"
      "ldr %[odd], [%[values]], #4\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "sxtb16 %[even], %[odd]\n\t"
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "sxtb16 %[t], %[wa]\n\t"
      "smlad %[s0], %[even], %[t], %[s0]\n\t"
      "sxtb16 %[wa], %[wa], ror #8\n\t"
      "smlad %[s0], %[odd], %[wa], %[s0]\n\t"
      "sxtb16 %[t], %[wb]\n\t"
      "smlad %[s1], %[even], %[t], %[s1]\n\t"
      "sxtb16 %[wb], %[wb], ror #8\n\t"
      "smlad %[s1], %[odd], %[wb], %[s1]\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "sxtb16 %[t], %[wa]\n\t"
      "smlad %[s2], %[even], %[t], %[s2]\n\t"
      "sxtb16 %[wa], %[wa], ror #8\n\t"
      "smlad %[s2], %[odd], %[wa], %[s2]\n\t"
      "sxtb16 %[t], %[wb]\n\t"
      "smlad %[s3], %[even], %[t], %[s3]\n\t"
      "sxtb16 %[wb], %[wb], ror #8\n\t"
      "smlad %[s3], %[odd], %[wb], %[s3]\n\t"
      "cmp %[values], %[end]\n\t"
      "bne 1b"
      : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [values] "+r"(values),
        [weights] "+r"(weights), [even] "=&r"(even), [odd] "=&r"(odd), [wa] "=&r"(wa),
        [wb] "=&r"(wb), [t] "=&r"(t)
      : [end] "r"(end)
      : "cc", "memory");
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  return weights;
}

/// 16 products in 17 instructions.
template <>
inline const Word* AddRun<WeightForm::kDirectInt16>(const int8_t* values, const int8_t* end,
                                                    const Word* weights, int32_t (&sums)[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  uint32_t even, odd, wa, wb;
  asm volatile(
      "1:\n\t"
      "ldr %[odd], [%[values]], #4\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "sxtb16 %[even], %[odd]\n\t"
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "smlad %[s0], %[even], %[wa], %[s0]\n\t"
      "smlad %[s0], %[odd], %[wb], %[s0]\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "smlad %[s1], %[even], %[wa], %[s1]\n\t"
      "smlad %[s1], %[odd], %[wb], %[s1]\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "smlad %[s2], %[even], %[wa], %[s2]\n\t"
      "smlad %[s2], %[odd], %[wb], %[s2]\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "smlad %[s3], %[even], %[wa], %[s3]\n\t"
      "smlad %[s3], %[odd], %[wb], %[s3]\n\t"
      "cmp %[values], %[end]\n\t"
      "bne 1b"
      : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [values] "+r"(values),
        [weights] "+r"(weights), [even] "=&r"(even), [odd] "=&r"(odd), [wa] "=&r"(wa),
        [wb] "=&r"(wb)
      : [end] "r"(end)
      : "cc", "memory");
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  return weights;
}

/// 8 products in 23 instructions.
template <>
inline const Word* AddWindow<WeightForm::kDirectInt8>(const int8_t* const* taps, uint32_t channel,
                                                      const Word* weights, int32_t (&sums)[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  uint32_t a, b, x, y, w, t;
  asm volatile(
      "ldrd %[a], %[b], [%[taps]], #8\n\t"
      "1:\n\t"
      "ldr %[a], [%[a], %[channel]]\n\t"
      "ldr %[b], [%[b], %[channel]]\n\t"
      "ldr %[w], [%[weights]], #4\n\t"
      "sxtb16 %[x], %[a]\n\t"
      "sxtb16 %[y], %[b]\n\t"
      "sxtb16 %[a], %[a], ror #8\n\t"
      "sxtb16 %[b], %[b], ror #8\n\t"
      "sxtb16 %[t], %[w]\n\t"
      "sxtb16 %[w], %[w], ror #8\n\t"
      "smlabb %[s0], %[x], %[t], %[s0]\n\t"
      "smlabt %[s0], %[y], %[t], %[s0]\n\t"
      "smlabb %[s1], %[a], %[w], %[s1]\n\t"
      "smlabt %[s1], %[b], %[w], %[s1]\n\t"
      "ldr %[w], [%[weights]], #4\n\t"
      "sxtb16 %[t], %[w]\n\t"
      "sxtb16 %[w], %[w], ror #8\n\t"
      "smlatb %[s2], %[x], %[t], %[s2]\n\t"
      "smlatt %[s2], %[y], %[t], %[s2]\n\t"
      "smlatb %[s3], %[a], %[w], %[s3]\n\t"
      "smlatt %[s3], %[b], %[w], %[s3]\n\t"
      "ldrd %[a], %[b], [%[taps]], #8\n\t"
      "cmp %[a], #0\n\t"
      "bne 1b"
      : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [taps] "+r"(taps),
        [weights] "+r"(weights), [a] "=&r"(a), [b] "=&r"(b), [x] "=&r"(x), [y] "=&r"(y),
        [w] "=&r"(w), [t] "=&r"(t)
      : [channel] "r"(channel)
      : "cc", "memory");
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  return weights;
}

/// 8 products in 19 instructions.
template <>
inline const Word* AddWindow<WeightForm::kDirectInt16>(const int8_t* const* taps, uint32_t channel,
                                                       const Word* weights, int32_t (&sums)[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  uint32_t a, b, x, y, w, t;
  asm volatile(
      "ldrd %[a], %[b], [%[taps]], #8\n\t"
      "1:\n\t"
      "ldr %[a], [%[a], %[channel]]\n\t"
      "ldr %[b], [%[b], %[channel]]\n\t"
      "ldrd %[w], %[t], [%[weights]], #8\n\t"
      "sxtb16 %[x], %[a]\n\t"
      "sxtb16 %[y], %[b]\n\t"
      "sxtb16 %[a], %[a], ror #8\n\t"
      "sxtb16 %[b], %[b], ror #8\n\t"
      "smlabb %[s0], %[x], %[w], %[s0]\n\t"
      "smlabt %[s0], %[y], %[w], %[s0]\n\t"
      "smlabb %[s1], %[a], %[t], %[s1]\n\t"
      "smlabt %[s1], %[b], %[t], %[s1]\n\t"
      "ldrd %[w], %[t], [%[weights]], #8\n\t"
      "smlatb %[s2], %[x], %[w], %[s2]\n\t"
      "smlatt %[s2], %[y], %[w], %[s2]\n\t"
      "smlatb %[s3], %[a], %[t], %[s3]\n\t"
      "smlatt %[s3], %[b], %[t], %[s3]\n\t"
      "ldrd %[a], %[b], [%[taps]], #8\n\t"
      "cmp %[a], #0\n\t"
      "bne 1b"
      : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [taps] "+r"(taps),
        [weights] "+r"(weights), [a] "=&r"(a), [b] "=&r"(b), [x] "=&r"(x), [y] "=&r"(y),
        [w] "=&r"(w), [t] "=&r"(t)
      : [channel] "r"(channel)
      : "cc", "memory");
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  return weights;
}

}  // namespace tinyrig::runtime
