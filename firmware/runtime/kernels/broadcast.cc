#include "firmware/runtime/kernels/broadcast.h"

namespace tinyrig::runtime {

bool PairsAreSound(const OpCheck& check, uint32_t broadcast_offset) {
  const uint64_t count = ElementCount(check.output());
  if (check.output().type != ElementType::kInt8) return false;
  for (int i = 0; i < 2; ++i) {
    if (check.input(i).type != ElementType::kInt8) return false;
    if (broadcast_offset == 0 && ElementCount(check.input(i)) != count) return false;
  }
  if (broadcast_offset == 0) return true;
  if (!check.InData(broadcast_offset, sizeof(Broadcast))) return false;
  const auto& broadcast = *check.InBlob<Broadcast>(broadcast_offset);
  uint64_t pairs = 1;
  for (uint32_t dim : broadcast.dims) {
    pairs *= dim;
    if (pairs > count) return false;
  }
  if (pairs != count) return false;
  for (int i = 0; i < 2; ++i) {
    // Strides that were negative as int32 would lead below the first element: refused as well.
    const auto* strides = reinterpret_cast<const int32_t*>(broadcast.strides[i]);
    if (!WalkIsSound(broadcast.dims, strides, 0, ElementCount(check.input(i)), count)) return false;
  }
  return true;
}

}  // namespace tinyrig::runtime
