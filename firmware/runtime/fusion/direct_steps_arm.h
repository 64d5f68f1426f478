#pragma once

#include "firmware/runtime/fusion/direct_macros_arm.h"

/// ConvGroups() and DepthwiseGroups() written out: the compiler has too few registers for them.
/// r4-r7 are the sums, r8-r11 weights and what an output needs. LDM counts as one instruction; it
/// takes a cycle a register and one more, less than the LDR or LDRD that it stands for.
namespace tinyrig::runtime {

// Stack: values, requant, 9 registers, out, groups. Two rounds of the loop are written out; an odd
// number of them begins with the second.
#define TINYRIG_CONV_GROUPS(add_depths)        \
  "push {r0, r3-r11, lr}\n\t"                  \
  "1:\n\t" TINYRIG_LOAD_BIASES                 \
  "sub r12, r1, r0\n\t"                        \
  "tst r12, #4\n\t"                            \
  "bne 3f\n\t"                                 \
  "2:\n\t" add_depths "3:\n\t" add_depths      \
  "cmp r0, r1\n\t"                             \
  "bne 2b\n\t"                                 \
  "ldr r0, [sp, #44]\n\t"                      \
  "ldr r3, [sp, #4]\n\t" TINYRIG_STORE_OUTPUTS \
  "ldr r8, [sp, #48]\n\t"                      \
  "str r0, [sp, #44]\n\t"                      \
  "str r3, [sp, #4]\n\t"                       \
  "ldr r0, [sp]\n\t"                           \
  "subs r8, r8, #1\n\t"                        \
  "str r8, [sp, #48]\n\t"                      \
  "bne 1b\n\t"                                 \
  "mov r0, r2\n\t"                             \
  "add sp, sp, #8\n\t"                         \
  "pop {r4-r11, pc}\n\t"

template <WeightForm kForm>
const Word* ConvGroups(const int8_t* values, const int8_t* end, const Word* weights,
                       const PackedRequant* requant, int8_t* out, uint32_t groups);

template <>
[[gnu::naked, gnu::noinline]] inline const Word* ConvGroups<WeightForm::kDirectInt16>(
    const int8_t*, const int8_t*, const Word*, const PackedRequant*, int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_GROUPS(TINYRIG_ADD_DEPTHS_INT16));
}

template <>
[[gnu::naked, gnu::noinline]] inline const Word* ConvGroups<WeightForm::kDirectInt8>(
    const int8_t*, const int8_t*, const Word*, const PackedRequant*, int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_GROUPS(TINYRIG_ADD_DEPTHS_INT8));
}

// Two taps, int16: 8 products. r12 and lr are the addresses of their first channels, r1 the
// channel.
#define TINYRIG_ADD_TAPS_INT16  \
  "ldr r12, [r12, r1]\n\t"      \
  "ldr lr, [lr, r1]\n\t"        \
  "ldm r2!, {r8-r11}\n\t"       \
  "sxtb16 r3, r12\n\t"          \
  "sxtb16 r12, r12, ror #8\n\t" \
  "smlabb r4, r3, r8, r4\n\t"   \
  "smlatb r6, r3, r10, r6\n\t"  \
  "smlabb r5, r12, r9, r5\n\t"  \
  "smlatb r7, r12, r11, r7\n\t" \
  "sxtb16 r3, lr\n\t"           \
  "sxtb16 lr, lr, ror #8\n\t"   \
  "smlabt r4, r3, r8, r4\n\t"   \
  "smlatt r6, r3, r10, r6\n\t"  \
  "smlabt r5, lr, r9, r5\n\t"   \
  "smlatt r7, lr, r11, r7\n\t"

#define TINYRIG_ADD_TAPS_INT8   \
  "ldr r12, [r12, r1]\n\t"      \
  "ldr lr, [lr, r1]\n\t"        \
  "ldm r2!, {r8, r10}\n\t"      \
  "sxtb16 r9, r8, ror #8\n\t"   \
  "sxtb16 r8, r8\n\t"           \
  "sxtb16 r11, r10, ror #8\n\t" \
  "sxtb16 r10, r10\n\t"         \
  "sxtb16 r3, r12\n\t"          \
  "sxtb16 r12, r12, ror #8\n\t" \
  "smlabb r4, r3, r8, r4\n\t"   \
  "smlatb r6, r3, r10, r6\n\t"  \
  "smlabb r5, r12, r9, r5\n\t"  \
  "smlatb r7, r12, r11, r7\n\t" \
  "sxtb16 r3, lr\n\t"           \
  "sxtb16 lr, lr, ror #8\n\t"   \
  "smlabt r4, r3, r8, r4\n\t"   \
  "smlatt r6, r3, r10, r6\n\t"  \
  "smlabt r5, lr, r9, r5\n\t"   \
  "smlatt r7, lr, r11, r7\n\t"

// Given in r0-r3: taps, weights, requant, out. Stack: taps, requant, out, 9 registers, groups.
#define TINYRIG_DEPTHWISE_GROUPS(add_taps)          \
  "push {r0, r2-r11, lr}\n\t"                       \
  "mov r3, r2\n\t"                                  \
  "mov r2, r1\n\t"                                  \
  "mov r1, #0\n\t"                                  \
  "1:\n\t" TINYRIG_LOAD_BIASES                      \
  "ldrd r12, lr, [r0], #8\n\t"                      \
  "2:\n\t" add_taps                                 \
  "ldrd r12, lr, [r0], #8\n\t"                      \
  "cmp r12, #0\n\t"                                 \
  "bne 2b\n\t"                                      \
  "ldrd r3, r0, [sp, #4]\n\t" TINYRIG_STORE_OUTPUTS \
  "ldr r8, [sp, #48]\n\t"                           \
  "strd r3, r0, [sp, #4]\n\t"                       \
  "ldr r0, [sp]\n\t"                                \
  "add r1, r1, #4\n\t"                              \
  "subs r8, r8, #1\n\t"                             \
  "str r8, [sp, #48]\n\t"                           \
  "bne 1b\n\t"                                      \
  "mov r0, r2\n\t"                                  \
  "add sp, sp, #12\n\t"                             \
  "pop {r4-r11, pc}\n\t"

template <WeightForm kForm>
const Word* DepthwiseGroups(const int8_t* const* taps, const Word* weights,
                            const PackedRequant* requant, int8_t* out, uint32_t groups);

template <>
[[gnu::naked, gnu::noinline]] inline const Word* DepthwiseGroups<WeightForm::kDirectInt16>(
    const int8_t* const*, const Word*, const PackedRequant*, int8_t*, uint32_t) {
  asm volatile(TINYRIG_DEPTHWISE_GROUPS(TINYRIG_ADD_TAPS_INT16));
}

template <>
[[gnu::naked, gnu::noinline]] inline const Word* DepthwiseGroups<WeightForm::kDirectInt8>(
    const int8_t* const*, const Word*, const PackedRequant*, int8_t*, uint32_t) {
  asm volatile(TINYRIG_DEPTHWISE_GROUPS(TINYRIG_ADD_TAPS_INT8));
}

#undef TINYRIG_CONV_GROUPS
#undef TINYRIG_ADD_TAPS_INT16
#undef TINYRIG_ADD_TAPS_INT8
#undef TINYRIG_DEPTHWISE_GROUPS

}  // namespace tinyrig::runtime
