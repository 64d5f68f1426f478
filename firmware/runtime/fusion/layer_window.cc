#include "firmware/runtime/fusion/layer_window.h"

namespace tinyrig::runtime {
namespace {

/// ConvParams and PoolParams name alike what a window is.
template <typename Params>
LayerWindow From(const Params& params, const TensorRecord& in) {
  return {.kernel_h = params.kernel_h,
          .kernel_w = params.kernel_w,
          .stride_h = params.stride_h,
          .stride_w = params.stride_w,
          .pad_top = params.pad_top,
          .pad_left = params.pad_left,
          .in_h = static_cast<int32_t>(in.dims[1]),
          .in_w = static_cast<int32_t>(in.dims[2])};
}

bool IsConvolution(OpKind kind) {
  return kind == OpKind::kConv2D || kind == OpKind::kDepthwiseConv2D;
}

}  // namespace

RowSpan LayerWindow::InputRows(RowSpan out) const {
  const int32_t lo = out.lo * stride_h - pad_top;
  const int32_t hi = out.hi * stride_h - pad_top + kernel_h - 1;
  return {static_cast<int16_t>(lo < 0 ? 0 : lo), static_cast<int16_t>(hi < in_h ? hi : in_h - 1)};
}

int32_t LayerWindow::InputColumnsEnd(int32_t x) const {
  const int32_t end = x * stride_w - pad_left + kernel_w;
  return end < in_w ? end : in_w;
}

LayerWindow WindowOf(const OpContext& layer) {
  if (IsConvolution(layer.op->kind)) return From(layer.params<ConvParams>(), layer.input());
  return From(layer.params<PoolParams>(), layer.input());
}

}  // namespace tinyrig::runtime
