#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// Walking tensors of up to kMaxRank dimensions by strides: what copies, broadcasts and reductions
/// share.
namespace tinyrig::runtime {

/// All indices of `dims` without the last dimension, in order, and with each the positions in N
/// tensors. The caller runs along the last dimension itself. Positions wrap modulo 2^32.
template <size_t N>
class Walk {
 public:
  /// `strides[i]` are kMaxRank strides of tensor i. REQUIRES: all outlive the walk.
  Walk(const uint32_t* dims, const uint32_t* const (&strides)[N]) : dims_(dims) {
    for (size_t i = 0; i < N; ++i) strides_[i] = strides[i];
  }
  uint32_t at(size_t tensor) const { return at_[tensor]; }
  /// Steps on; false at the end, with all positions 0 again.
  bool Next() {
    for (size_t d = kMaxRank - 1; d-- > 0;) {
      const bool inside = ++index_[d] < dims_[d];
      if (!inside) index_[d] = 0;
      for (size_t i = 0; i < N; ++i) {
        at_[i] += inside ? strides_[i][d] : strides_[i][d] * (1 - dims_[d]);
      }
      if (inside) return true;
    }
    return false;
  }

 private:
  const uint32_t* dims_;
  const uint32_t* strides_[N];
  uint32_t index_[kMaxRank - 1] = {};
  uint32_t at_[N] = {};
};

/// Whether every position that a walk from `offset` reaches, last dimension included, lies in [0,
/// count), and the walk has at most `limit` steps. REQUIRES: count < 2^32.
bool WalkIsSound(const uint32_t* dims, const int32_t* strides, uint64_t offset, uint64_t count,
                 uint64_t limit);

}  // namespace tinyrig::runtime
