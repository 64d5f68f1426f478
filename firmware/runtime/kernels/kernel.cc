#include "firmware/runtime/kernels/kernel.h"

namespace tinyrig::runtime {

bool OpCheck::HasInputs(int count) const {
  for (int i = 0; i < 2; ++i) {
    if ((op->inputs[i] != kNoTensor) != (i < count)) return false;
  }
  return true;
}

bool OpCheck::InData(uint32_t offset, uint64_t bytes) const {
  return offset % 4 == 0 && offset >= data_offset && offset <= total_bytes &&
         bytes <= total_bytes - offset;
}

bool OpCheck::InArena(uint32_t offset, uint64_t bytes) const {
  return offset % kOffsetAlignment == 0 && offset <= arena_bytes && bytes <= arena_bytes - offset;
}

uint64_t ElementCount(const TensorRecord& tensor) {
  uint64_t count = 1;
  for (uint32_t dim : tensor.dims) count *= dim;
  return count;
}

const Kernel* KernelSet::Find(OpKind kind, WeightForm form) const {
  for (const Kernel& kernel : kernels) {
    if (kernel.kind == kind && kernel.form == form) return &kernel;
  }
  return nullptr;
}

}  // namespace tinyrig::runtime
