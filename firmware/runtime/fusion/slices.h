#pragma once

#include "firmware/runtime/fusion/place.h"
#include "firmware/runtime/kernels/kernel.h"

/// Blocks in slices (FusedOrder::kChannels) in the sliced forms: four channels at a time go into
/// the projection, and through the layers before as many as there is room for. Memory:
/// kSliceScratchBytes of stack. Errors:  none after prepare; PrepareFusedPhase() has checked that
/// layers and room go together.
namespace tinyrig::runtime {

/// An iteration of a block: everything between its input and the sums of its output.
struct SliceTask {
  OpContext expand;
  OpContext depthwise;
  OpContext project;
  PixelMap input;
  RowSpan expanded;  ///< Rows of the expanded map.
  RowSpan output;    ///< Rows of the output.
  int8_t* plane;     ///< Those of one expanded channel.
  int32_t* sums;    ///< Those of the output, one after the other: what slice_pixel makes pixels of.
  int8_t* scratch;  ///< kSliceScratchBytes, at a multiple of 4.
};

Code PrepareSlicedConv(const OpCheck& check);
Code PrepareSlicedDepthwise(const OpCheck& check);
/// Kernel::slices and Kernel::slice_pixel.
void SlicesInt8(const SliceTask& task);
void SlicesInt16(const SliceTask& task);
void SlicePixel(const OpContext& project, const int32_t* sums, int8_t* out);

}  // namespace tinyrig::runtime
