#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/compiler/lowering/lowered.h"
#include "proto/status/status.h"

/// From shapes to the strided loops of the runtime.
namespace tinyrig::compiler {

/// Elements between neighbours of each dimension of a dense tensor.
std::vector<int32_t> Strides(const std::vector<uint32_t>& shape);

/// One dimension of a strided loop over N tensors: how often, and how far apart in each.
template <size_t N>
struct LoopDim {
  uint32_t count = 1;
  int32_t strides[N] = {};
};

/// Drops dimensions of one step and joins those that follow each other without a gap in all
/// tensors: the same elements in the same order with fewer, longer runs.
template <size_t N>
std::vector<LoopDim<N>> Simplify(const std::vector<LoopDim<N>>& dims) {
  std::vector<LoopDim<N>> simple;
  for (const LoopDim<N>& dim : dims) {
    if (dim.count == 1) continue;
    bool joins = !simple.empty();
    for (size_t i = 0; joins && i < N; ++i) {
      joins = simple.back().strides[i] == int64_t{dim.strides[i]} * dim.count;
    }
    if (!joins) {
      simple.push_back(dim);
      continue;
    }
    const uint32_t count = simple.back().count * dim.count;
    simple.back() = dim;
    simple.back().count = count;
  }
  return simple;
}

/// Copies along `dims` (strides: input, output). REQUIRES: at most kMaxRank dimensions.
runtime::CopyParams MakeCopy(const std::vector<LoopDim<2>>& dims, uint32_t in_offset,
                             uint32_t out_offset);

/// How inputs of shapes `a` and `b` give `out`: nothing when both have its shape.
/// Errors: kInvalidArgument when they do not.
Result<std::optional<runtime::Broadcast>> MakeBroadcast(const std::vector<uint32_t>& a,
                                                        const std::vector<uint32_t>& b,
                                                        const std::vector<uint32_t>& out);

}  // namespace tinyrig::compiler
