#pragma once

#include "firmware/runtime/fusion/direct_macros_arm.h"
#include "firmware/runtime/fusion/direct_steps.h"

/// ConvPixels(), ConvPlane() and AddProjections() written out, as direct_steps_arm.h is.
namespace tinyrig::runtime {

// Stack: depth, weights, requant, 9 registers, out, pixels.
#define TINYRIG_CONV_PIXELS(add_depths)             \
  "push {r1-r11, lr}\n\t"                           \
  "1:\n\t" TINYRIG_LOAD_BIASES                      \
  "ldr r12, [sp]\n\t"                               \
  "add r12, r12, #3\n\t"                            \
  "bic r12, r12, #3\n\t"                            \
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
  "ldr r9, [sp]\n\t"                                \
  "rsb r9, r9, #0\n\t"                              \
  "and r9, r9, #3\n\t"                              \
  "sub r0, r1, r9\n\t"                              \
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

// Four depths of one pixel, whose values are in lr. r8, r9: weights.
#define TINYRIG_ADD_PIXEL(sum)   \
  "sxtb16 r12, lr\n\t"           \
  "sxtb16 lr, lr, ror #8\n\t"    \
  "smlad " sum ", r12, r8, " sum \
  "\n\t"                         \
  "smlad " sum ", lr, r9, " sum "\n\t"

#define TINYRIG_PIXEL_OUTPUT(sum)     \
  "add lr, r10, " sum                 \
  ", asr #31\n\t"                     \
  "smmlar " sum ", " sum ", r9, " sum \
  "\n\t"                              \
  "add " sum ", " sum                 \
  ", lr\n\t"                          \
  "asr " sum ", " sum                 \
  ", r12\n\t"                         \
  "ssat " sum ", #8, " sum            \
  "\n\t"                              \
  "strb " sum ", [r2], #1\n\t"

#define TINYRIG_PLANE_WEIGHTS_INT16 "ldrd r8, r9, [r2], #32\n\t"
#define TINYRIG_PLANE_WEIGHTS_INT8 \
  "ldr r8, [r2], #16\n\t"          \
  "sxtb16 r9, r8, ror #8\n\t"      \
  "sxtb16 r8, r8\n\t"

// 16 products in 23 instructions, int8 in 25. Stack: weights, 9 registers, out, fours.
#define TINYRIG_CONV_PLANE(load_weights) \
  "push {r2, r4-r11, lr}\n\t"                            \
  "mov r11, r3\n\t"                                      \
  "1:\n\t"                                               \
  "ldr r4, [r11]\n\t"                                    \
  "mov r5, r4\n\t"                                       \
  "mov r6, r4\n\t"                                       \
  "mov r7, r4\n\t"                                       \
  "add r3, r1, r1, lsl #1\n\t" "add r3, r3, r0\n\t" "add r10, r1, #3\n\t" "bic r10, r10, #3\n\t" "add r10, r10, r0\n\t"                                  \
  "2:\n\t" load_weights                                  \
  "ldr lr, [r0, r1]\n\t" TINYRIG_ADD_PIXEL("r5")         \
  "ldr lr, [r0, r1, lsl #1]\n\t" TINYRIG_ADD_PIXEL("r6") \
  "ldr lr, [r0], #4\n\t" TINYRIG_ADD_PIXEL("r4")         \
  "ldr lr, [r3], #4\n\t" TINYRIG_ADD_PIXEL("r7")         \
  "cmp r0, r10\n\t"                                      \
  "bne 2b\n\t"                                           \
  "rsb r0, r1, #0\n\t" "and r0, r0, #3\n\t" "sub r0, r3, r0\n\t"                                       \
  "ldr r2, [sp, #40]\n\t"                                \
  "ldm r11, {r8, r9, r10, r12}\n\t"                      \
  TINYRIG_PIXEL_OUTPUT("r4") TINYRIG_PIXEL_OUTPUT("r5")  \
  TINYRIG_PIXEL_OUTPUT("r6") TINYRIG_PIXEL_OUTPUT("r7")  \
  "ldr r8, [sp, #44]\n\t"                                \
  "str r2, [sp, #40]\n\t"                                \
  "ldr r2, [sp]\n\t"                                     \
  "subs r8, r8, #1\n\t"                                  \
  "str r8, [sp, #44]\n\t"                                \
  "bne 1b\n\t"                                           \
  "pop {r2, r4-r11, pc}\n\t"

template <WeightForm kForm>
void ConvPlane(const int8_t* values, uint32_t depth, const Word* weights,
               const PackedRequant* requant, int8_t* out, uint32_t fours);

template <>
[[gnu::naked, gnu::noinline]] inline void ConvPlane<WeightForm::kDirectInt16>(const int8_t*,
                                                                              uint32_t, const Word*,
                                                                              const PackedRequant*,
                                                                              int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_PLANE(TINYRIG_PLANE_WEIGHTS_INT16));
}

template <>
[[gnu::naked, gnu::noinline]] inline void ConvPlane<WeightForm::kDirectInt8>(const int8_t*,
                                                                             uint32_t, const Word*,
                                                                             const PackedRequant*,
                                                                             int8_t*, uint32_t) {
  asm volatile(TINYRIG_CONV_PLANE(TINYRIG_PLANE_WEIGHTS_INT8));
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
#undef TINYRIG_ADD_PIXEL
#undef TINYRIG_PIXEL_OUTPUT
#undef TINYRIG_PLANE_WEIGHTS_INT16
#undef TINYRIG_PLANE_WEIGHTS_INT8
#undef TINYRIG_CONV_PLANE
#undef TINYRIG_PROJECT_INT16
#undef TINYRIG_PROJECT_CHANNEL_INT8
#undef TINYRIG_PROJECT_INT8
#undef TINYRIG_ADD_PROJECTIONS

}  // namespace tinyrig::runtime
