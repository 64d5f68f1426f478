#include "firmware/runtime/kernels/kernel.h"

namespace tinyrig::runtime {

const KernelSet& LinkedKernels() { return DspKernels(); }

}  // namespace tinyrig::runtime
