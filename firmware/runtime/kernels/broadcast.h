#pragma once

#include "firmware/runtime/kernels/walk.h"

/// Operators on pairs of int8 elements, with inputs that repeat along dimensions where they have
/// one value.
namespace tinyrig::runtime {

/// Pairs that follow each other: `count` of them, inputs at steps of 0 or more elements.
struct PairRun {
  const int8_t* a;
  const int8_t* b;
  int8_t* result;
  size_t count;
  uint32_t step_a;
  uint32_t step_b;
};

/// Whether both inputs and the output are int8, and every pair lies in them. `broadcast_offset` as
/// in AddParams.
bool PairsAreSound(const OpCheck& check, uint32_t broadcast_offset);

/// Calls run(PairRun) for all pairs of an operator, in the order of the output.
template <typename Run>
void ForEachRun(const OpContext& context, uint32_t broadcast_offset, Run run) {
  const int8_t* a = context.input_data(0);
  const int8_t* b = context.input_data(1);
  int8_t* result = context.output_data();
  if (broadcast_offset == 0) {
    run(PairRun{a, b, result, static_cast<size_t>(ElementCount(context.output())), 1, 1});
    return;
  }
  const auto& broadcast = *context.InBlob<Broadcast>(broadcast_offset);
  const size_t count = broadcast.dims[kMaxRank - 1];
  Walk<2> walk(broadcast.dims, {broadcast.strides[0], broadcast.strides[1]});
  do {
    run(PairRun{a + walk.at(0), b + walk.at(1), result, count, broadcast.strides[0][kMaxRank - 1],
                broadcast.strides[1][kMaxRank - 1]});
    result += count;
  } while (walk.Next());
}

}  // namespace tinyrig::runtime
