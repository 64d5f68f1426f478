#pragma once

#include "firmware/runtime/kernels/simd/dot_block.h"

/// DotBlock for three pixels, written out: the compiler keeps moving values between registers and
/// stack, which costs half as much again. Two int16 products an SMLAD, all six sums in registers.
/// LDRD counts as one instruction but takes three cycles, as two LDR in a row do; nothing is lost
/// by it on silicon.
namespace tinyrig::runtime {

/// 24 products in 23 instructions.
template <>
inline const Word* DotBlock<WeightForm::kPackedInt8, 3>(const int16_t* block, uint32_t depth,
                                                        const Word* weights, int32_t (&a)[3],
                                                        int32_t (&b)[3]) {
  const Word* values = reinterpret_cast<const Word*>(block);
  const Word* const end = values + depth / 2 * 3;
  int32_t a0 = a[0], a1 = a[1], a2 = a[2], b0 = b[0], b1 = b[1], b2 = b[2];
  uint32_t wa, wb, x, y;
  asm volatile(
      "1:\n\t"
      "ldr %[wb], [%[weights]], #4\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "sxtb16 %[wa], %[wb]\n\t"
      "sxtb16 %[wb], %[wb], ror #8\n\t"
      "smlad %[a0], %[x], %[wa], %[a0]\n\t"
      "smlad %[b0], %[x], %[wb], %[b0]\n\t"
      "smlad %[a1], %[y], %[wa], %[a1]\n\t"
      "smlad %[b1], %[y], %[wb], %[b1]\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "smlad %[a2], %[x], %[wa], %[a2]\n\t"
      "smlad %[b2], %[x], %[wb], %[b2]\n\t"
      "ldr %[wb], [%[weights]], #4\n\t"
      "sxtb16 %[wa], %[wb]\n\t"
      "sxtb16 %[wb], %[wb], ror #8\n\t"
      "smlad %[a0], %[y], %[wa], %[a0]\n\t"
      "smlad %[b0], %[y], %[wb], %[b0]\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "cmp %[values], %[end]\n\t"
      "smlad %[a1], %[x], %[wa], %[a1]\n\t"
      "smlad %[b1], %[x], %[wb], %[b1]\n\t"
      "smlad %[a2], %[y], %[wa], %[a2]\n\t"
      "smlad %[b2], %[y], %[wb], %[b2]\n\t"
      "bne 1b"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [b0] "+r"(b0), [b1] "+r"(b1), [b2] "+r"(b2),
        [values] "+r"(values), [weights] "+r"(weights), [wa] "=&r"(wa), [wb] "=&r"(wb),
        [x] "=&r"(x), [y] "=&r"(y)
      : [end] "r"(end)
      : "cc", "memory");
  a[0] = a0, a[1] = a1, a[2] = a2, b[0] = b0, b[1] = b1, b[2] = b2;
  return weights;
}

/// 24 products in 19 instructions.
template <>
inline const Word* DotBlock<WeightForm::kPackedInt16, 3>(const int16_t* block, uint32_t depth,
                                                         const Word* weights, int32_t (&a)[3],
                                                         int32_t (&b)[3]) {
  const Word* values = reinterpret_cast<const Word*>(block);
  const Word* const end = values + depth / 2 * 3;
  int32_t a0 = a[0], a1 = a[1], a2 = a[2], b0 = b[0], b1 = b[1], b2 = b[2];
  uint32_t wa, wb, x, y;
  asm volatile(
      "1:\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "smlad %[a0], %[x], %[wa], %[a0]\n\t"
      "smlad %[b0], %[x], %[wb], %[b0]\n\t"
      "smlad %[a1], %[y], %[wa], %[a1]\n\t"
      "smlad %[b1], %[y], %[wb], %[b1]\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "smlad %[a2], %[x], %[wa], %[a2]\n\t"
      "smlad %[b2], %[x], %[wb], %[b2]\n\t"
      "ldrd %[wa], %[wb], [%[weights]], #8\n\t"
      "smlad %[a0], %[y], %[wa], %[a0]\n\t"
      "smlad %[b0], %[y], %[wb], %[b0]\n\t"
      "ldrd %[x], %[y], [%[values]], #8\n\t"
      "cmp %[values], %[end]\n\t"
      "smlad %[a1], %[x], %[wa], %[a1]\n\t"
      "smlad %[b1], %[x], %[wb], %[b1]\n\t"
      "smlad %[a2], %[y], %[wa], %[a2]\n\t"
      "smlad %[b2], %[y], %[wb], %[b2]\n\t"
      "bne 1b"
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [b0] "+r"(b0), [b1] "+r"(b1), [b2] "+r"(b2),
        [values] "+r"(values), [weights] "+r"(weights), [wa] "=&r"(wa), [wb] "=&r"(wb),
        [x] "=&r"(x), [y] "=&r"(y)
      : [end] "r"(end)
      : "cc", "memory");
  a[0] = a0, a[1] = a1, a[2] = a2, b[0] = b0, b[1] = b1, b[2] = b2;
  return weights;
}

}  // namespace tinyrig::runtime
