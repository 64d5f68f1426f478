#pragma once

#include "firmware/runtime/blob_format.h"
#include "firmware/runtime/kernels/simd/simd.h"

/// Depthwise convolution of one channel, whose rows lie widened to int16 one after the other,
/// borders included.
namespace tinyrig::runtime {

struct PlaneShape {
  uint32_t row;  ///< Values from one row to the next; even. MakeDepthwiseStrip() has the least.
  uint32_t out_w;
  uint32_t out_step;  ///< Bytes from one output to the next.
  uint32_t kernel_h, kernel_w;
  uint32_t stride_h, stride_w;
};

/// `weights`: DepthwiseWeightValues() of them, each row padded to an even number.
using PlaneFunction = void (*)(const PlaneShape& shape, uint32_t out_rows, const int16_t* plane,
                               const int16_t* weights, const PackedRequant& requant, int8_t* out);

/// The quickest for a shape.
PlaneFunction PlaneKernel(const PlaneShape& shape);

}  // namespace tinyrig::runtime
