#pragma once

#include <cstddef>

#include "firmware/runtime/blob_format.h"

/// What the loops written out in assembler share. r0: values, or where an output goes; r2: weights;
/// r3: PackedRequant; r4-r7: sums; all others are scratch.
namespace tinyrig::runtime {

static_assert(sizeof(PackedRequant) == 16 && offsetof(PackedRequant, multiplier) == 4 &&
              offsetof(PackedRequant, rounding) == 8 && offsetof(PackedRequant, shift) == 12);

// Sums that start as the biases at r3.
#define TINYRIG_LOAD_BIASES \
  "ldr r4, [r3]\n\t"        \
  "ldr r5, [r3, #16]\n\t"   \
  "ldr r6, [r3, #32]\n\t"   \
  "ldr r7, [r3, #48]\n\t"

// The sum as the output at r0. r3: its PackedRequant, then the next one.
#define TINYRIG_STORE_OUTPUT(sum) \
  "ldm r3!, {r8-r11}\n\t"         \
  "add r10, r10, " sum            \
  ", asr #31\n\t"                 \
  "smmlar r9, " sum ", r9, " sum  \
  "\n\t"                          \
  "add r9, r9, r10\n\t"           \
  "asr r9, r9, r11\n\t"           \
  "ssat r9, #8, r9\n\t"           \
  "strb r9, [r0], #1\n\t"

#define TINYRIG_STORE_OUTPUTS \
  TINYRIG_STORE_OUTPUT("r4")  \
  TINYRIG_STORE_OUTPUT("r5") TINYRIG_STORE_OUTPUT("r6") TINYRIG_STORE_OUTPUT("r7")

// Four depths of four channels, int16: 16 products in 13 instructions.
#define TINYRIG_ADD_DEPTHS_INT16 \
  "ldr lr, [r0], #4\n\t"         \
  "ldm r2!, {r8-r11}\n\t"        \
  "sxtb16 r12, lr\n\t"           \
  "sxtb16 lr, lr, ror #8\n\t"    \
  "smlad r4, r12, r8, r4\n\t"    \
  "smlad r5, r12, r10, r5\n\t"   \
  "smlad r4, lr, r9, r4\n\t"     \
  "smlad r5, lr, r11, r5\n\t"    \
  "ldm r2!, {r8-r11}\n\t"        \
  "smlad r6, r12, r8, r6\n\t"    \
  "smlad r7, r12, r10, r7\n\t"   \
  "smlad r6, lr, r9, r6\n\t"     \
  "smlad r7, lr, r11, r7\n\t"

#define TINYRIG_ADD_CHANNEL_INT8(weights, sum) \
  "sxtb16 r3, " weights                        \
  "\n\t"                                       \
  "sxtb16 " weights ", " weights               \
  ", ror #8\n\t"                               \
  "smlad " sum ", r12, r3, " sum               \
  "\n\t"                                       \
  "smlad " sum ", lr, " weights ", " sum "\n\t"

// Int8: 16 products in 20 instructions.
#define TINYRIG_ADD_DEPTHS_INT8                                                  \
  "ldr lr, [r0], #4\n\t"                                                         \
  "ldm r2!, {r8-r11}\n\t"                                                        \
  "sxtb16 r12, lr\n\t"                                                           \
  "sxtb16 lr, lr, ror #8\n\t" TINYRIG_ADD_CHANNEL_INT8("r8", "r4")               \
      TINYRIG_ADD_CHANNEL_INT8("r9", "r5") TINYRIG_ADD_CHANNEL_INT8("r10", "r6") \
          TINYRIG_ADD_CHANNEL_INT8("r11", "r7")

}  // namespace tinyrig::runtime
