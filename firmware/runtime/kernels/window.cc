#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {

bool IsSound(const WindowAxis& axis) {
  if (axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0) return false;
  const uint64_t last_start = uint64_t{axis.output - 1} * axis.stride;
  const uint64_t reach = uint64_t{axis.kernel - 1} * axis.dilation;
  return axis.pad <= reach && last_start < uint64_t{axis.input} + axis.pad &&
         uint64_t{axis.input} + axis.pad + reach + axis.stride <= INT32_MAX;
}

bool AreImages(const TensorRecord& a, const TensorRecord& b) {
  return a.type == ElementType::kInt8 && b.type == ElementType::kInt8 && a.rank == 4 &&
         b.rank == 4 && a.dims[0] == b.dims[0];
}

bool ConvShapesAreSound(const OpCheck& check) {
  if (!check.Has<ConvParams>(1)) return false;
  const auto& params = check.params<ConvParams>();
  const TensorRecord& in = check.input();
  const TensorRecord& out = check.output();
  return AreImages(in, out) && params.activation_min <= params.activation_max &&
         IsSound({in.dims[1], out.dims[1], params.kernel_h, params.stride_h, params.dilation_h,
                  params.pad_top}) &&
         IsSound({in.dims[2], out.dims[2], params.kernel_w, params.stride_w, params.dilation_w,
                  params.pad_left});
}

bool PoolShapesAreSound(const OpCheck& check) {
  if (!check.Has<PoolParams>(1)) return false;
  const auto& params = check.params<PoolParams>();
  const TensorRecord& in = check.input();
  const TensorRecord& out = check.output();
  return AreImages(in, out) && in.dims[3] == out.dims[3] &&
         params.activation_min <= params.activation_max &&
         IsSound({in.dims[1], out.dims[1], params.kernel_h, params.stride_h, 1, params.pad_top}) &&
         IsSound({in.dims[2], out.dims[2], params.kernel_w, params.stride_w, 1, params.pad_left});
}

}  // namespace tinyrig::runtime
