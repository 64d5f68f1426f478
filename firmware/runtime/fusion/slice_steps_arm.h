#pragma once

#include "firmware/runtime/fusion/direct_macros_arm.h"
#include "firmware/runtime/fusion/direct_steps.h"

/// ConvPixels() and AddProjections() written out, as direct_steps_arm.h is.
namespace tinyrig::runtime {

// Stack: depth, weights, requant, 9 registers, out, pixels.
#define TINYRIG_CONV_PIXELS(add_depths)             \
  "push {r1-r11, lr}\n\t"                           \
  "1:\n\t" TINYRIG_LOAD_BIASES                      \
  "ldr r12, [sp]\n\t"                               \
  "add r1, r0, r12\n\t"                             \
  "tst r12, #4\n\t"                                 \
  "bne 3f\n\t"                                      \
  "2:\n\t" add_depths "3:\n\t" add_depths           \
  "cmp r0, r1\n\t"                                  \
  "bne 2b\n\t"                                      \
  "ldr r0, [sp, #48]\n\t"                           \
  "ldrd r2, r3, [sp, #4]\n\t" TINYRIG_STORE_OUTPUTS \
  "ldr r8, [sp, #52]\n\t"                           \
  "str r0, [sp, #48]\n\t"                           \
  "mov r0, r1\n\t"                                  \
  "sub r3, r3, #64\n\t"                             \
  "subs r8, r8, #1\n\t"                             \
  "str r8, [sp, #52]\n\t"                           \
  "bne 1b\n\t"                                      \
  "add sp, sp, #12\n\t"                             \
  "pop {r4-r11, pc}\n\t"

template <WeightForm kForm>
void ConvPixels(const int8_t* values, uint32_t depth, const Word* weights,
                const PackedRequant* requant, int8_t* out, uint32_t pixels);

template <>
[[gnu::naked, gnu::noinline]] inline void ConvPixels<WeightForm::kDirectInt16>(
    const int8_t*, uint32_t, const Word*, const PackedRequant*, int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_PIXELS(TINYRIG_ADD_DEPTHS_INT16));
}

template <>
[[gnu::naked, gnu::noinline]] inline void ConvPixels<WeightForm::kDirectInt8>(const int8_t*,
                                                                              uint32_t, const Word*,
                                                                              const PackedRequant*,
                                                                              int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_PIXELS(TINYRIG_ADD_DEPTHS_INT8));
}

// Four outputs, int16: 16 products in 14 instructions. r12 and lr are the values.
#define TINYRIG_PROJECT_INT16  \
  "ldm r1, {r4-r7}\n\t"        \
  "ldm r2!, {r8-r11}\n\t"      \
  "smlad r4, r12, r8, r4\n\t"  \
  "smlad r5, r12, r10, r5\n\t" \
  "smlad r4, lr, r9, r4\n\t"   \
  "smlad r5, lr, r11, r5\n\t"  \
  "ldm r2!, {r8-r11}\n\t"      \
  "smlad r6, r12, r8, r6\n\t"  \
  "smlad r7, r12, r10, r7\n\t" \
  "smlad r6, lr, r9, r6\n\t"   \
  "smlad r7, lr, r11, r7\n\t"

#define TINYRIG_PROJECT_CHANNEL_INT8(weights, sum) \
  "sxtb16 r0, " weights                            \
  "\n\t"                                           \
  "sxtb16 " weights ", " weights                   \
  ", ror #8\n\t"                                   \
  "smlad " sum ", r12, r0, " sum                   \
  "\n\t"                                           \
  "smlad " sum ", lr, " weights ", " sum "\n\t"

#define TINYRIG_PROJECT_INT8                                                             \
  "ldm r1, {r4-r7}\n\t"                                                                  \
  "ldm r2!, {r8-r11}\n\t" TINYRIG_PROJECT_CHANNEL_INT8("r8", "r4")                       \
      TINYRIG_PROJECT_CHANNEL_INT8("r9", "r5") TINYRIG_PROJECT_CHANNEL_INT8("r10", "r6") \
          TINYRIG_PROJECT_CHANNEL_INT8("r11", "r7")

// Stack: values, weights, channels, 9 registers, pixels.
#define TINYRIG_ADD_PROJECTIONS(project) \
  "push {r0, r2-r11, lr}\n\t"            \
  "1:\n\t"                               \
  "ldr lr, [r0], #4\n\t"                 \
  "str r0, [sp]\n\t"                     \
  "sxtb16 r12, lr\n\t"                   \
  "sxtb16 lr, lr, ror #8\n\t"            \
  "2:\n\t" project                       \
  "subs r3, r3, #4\n\t"                  \
  "stm r1!, {r4-r7}\n\t"                 \
  "bne 2b\n\t"                           \
  "ldr r8, [sp, #48]\n\t"                \
  "ldr r0, [sp]\n\t"                     \
  "ldrd r2, r3, [sp, #4]\n\t"            \
  "subs r8, r8, #1\n\t"                  \
  "str r8, [sp, #48]\n\t"                \
  "bne 1b\n\t"                           \
  "add sp, sp, #12\n\t"                  \
  "pop {r4-r11, pc}\n\t"

template <WeightForm kForm>
void AddProjections(const int8_t* values, int32_t* sums, const Word* weights, uint32_t channels,
                    uint32_t pixels);

template <>
[[gnu::naked, gnu::noinline]] inline void AddProjections<WeightForm::kDirectInt16>(
    const int8_t*, int32_t*, const Word*, uint32_t, uint32_t) {
  asm volatile(TINYRIG_ADD_PROJECTIONS(TINYRIG_PROJECT_INT16));
}

template <>
[[gnu::naked, gnu::noinline]] inline void AddProjections<WeightForm::kDirectInt8>(
    const int8_t*, int32_t*, const Word*, uint32_t, uint32_t) {
  asm volatile(TINYRIG_ADD_PROJECTIONS(TINYRIG_PROJECT_INT8));
}

#undef TINYRIG_CONV_PIXELS
#undef TINYRIG_PROJECT_INT16
#undef TINYRIG_PROJECT_CHANNEL_INT8
#undef TINYRIG_PROJECT_INT8
#undef TINYRIG_ADD_PROJECTIONS

}  // namespace tinyrig::runtime
