#pragma once

#include "firmware/runtime/kernels/kernel.h"

/// Sliding windows over NHWC images: the geometry that convolutions and pools share.
namespace tinyrig::runtime {

/// One axis of a sliding window.
struct WindowAxis {
  uint32_t input;
  uint32_t output;
  uint32_t kernel;
  uint32_t stride;
  uint32_t dilation;
  uint32_t pad;  ///< Values missing before the first input.
};

/// Whether all numbers are positive (pad may be 0), every window reaches the input, the last one
/// too, and no position overflows int32.
bool IsSound(const WindowAxis& axis);

/// Whether both are int8 tensors of rank 4 with the same number of batches.
bool AreImages(const TensorRecord& a, const TensorRecord& b);

/// Whether input, output, windows and activation of a ConvParams operator fit together (weights not
/// looked at).
bool ConvShapesAreSound(const OpCheck& check);

/// The same for PoolParams; channels and quantisation in and out are equal.
bool PoolShapesAreSound(const OpCheck& check);

/// Taps [begin, end) of a window that lie in [0, limit): tap k is at start + k * dilation. May be
/// empty.
struct TapRange {
  int32_t begin;
  int32_t end;
};
inline TapRange ClipTaps(int32_t start, int32_t size, int32_t limit, int32_t dilation = 1) {
  const int32_t begin = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int32_t room = limit > start ? (limit - start + dilation - 1) / dilation : 0;
  const int32_t end = room < size ? room : size;
  return {begin < end ? begin : end, end};
}

}  // namespace tinyrig::runtime
