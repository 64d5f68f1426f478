#pragma once

#include "firmware/runtime/fusion/place.h"
#include "firmware/runtime/kernels/kernel.h"

namespace tinyrig::runtime {

/// The window of a layer, whatever its operator.
struct LayerWindow {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t in_h;
  int32_t in_w;

  /// One output pixel needs exactly one input pixel, at the same place.
  bool pointwise() const {
    return kernel_h == 1 && kernel_w == 1 && stride_h == 1 && stride_w == 1;
  }
  RowSpan InputRows(RowSpan out) const;
  /// The column of the input after the last one that output column x reads.
  int32_t InputColumnsEnd(int32_t x) const;
  /// The window of an output pixel over its input.
  PixelWindow At(const PixelMap& input, int32_t y, int32_t x) const;
};

/// The operator's kernel. REQUIRES: its own prepare was kOk.
inline const Kernel& KernelOf(const OpContext& layer) {
  return *layer.kernels->Find(layer.op->kind, layer.op->form);
}

/// REQUIRES, here and below: KernelOf() has `pixel`.
LayerWindow WindowOf(const OpContext& layer);

inline PixelWindow LayerWindow::At(const PixelMap& input, int32_t y, int32_t x) const {
  const int32_t top = y * stride_h - pad_top;
  const int32_t left = x * stride_w - pad_left;
  const TapRange rows = ClipTaps(top, kernel_h, in_h);
  const TapRange columns = ClipTaps(left, kernel_w, in_w);
  return {.map = input,
          .rows = rows,
          .columns = columns,
          .first_row_slot = input.RowSlot(top + rows.begin),
          .first_column_slot = input.ColumnSlot(left + columns.begin),
          .kernel_w = kernel_w};
}

}  // namespace tinyrig::runtime
