#include "firmware/runtime/kernels/reshape/reshape.h"

#include <cstring>

namespace tinyrig::runtime {
namespace {

uint64_t Bytes(const TensorRecord& tensor) {
  return ElementCount(tensor) * ElementBytes(tensor.type);
}

}  // namespace

Code PrepareReshape(const OpCheck& check) {
  const bool sound = check.HasInputs(1) && check.op->params_bytes == 0 &&
                     check.input().type == check.output().type &&
                     Bytes(check.input()) == Bytes(check.output());
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Reshape(const OpContext& context) {
  if (context.input().offset == context.output().offset) return;
  std::memmove(context.output_data(), context.input_data(),
               static_cast<size_t>(Bytes(context.input())));
}

}  // namespace tinyrig::runtime
