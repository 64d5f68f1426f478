#include "firmware/runtime/kernels/lookup/lookup.h"

namespace tinyrig::runtime {
namespace {

constexpr uint32_t kTableBytes = 256;

}  // namespace

Code PrepareLookup(const OpCheck& check) {
  if (!check.Has<LookupParams>(1)) return Code::kInvalidArgument;
  const bool sound = check.input().type == ElementType::kInt8 &&
                     check.output().type == ElementType::kInt8 &&
                     ElementCount(check.input()) == ElementCount(check.output()) &&
                     check.InData(check.params<LookupParams>().table_offset, kTableBytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Lookup(const OpContext& context) {
  const auto* table = context.InBlob<int8_t>(context.params<LookupParams>().table_offset);
  const int8_t* in = context.input_data();
  int8_t* out = context.output_data();
  const auto count = static_cast<size_t>(ElementCount(context.output()));
  for (size_t i = 0; i < count; ++i) out[i] = table[static_cast<uint8_t>(in[i])];
}

}  // namespace tinyrig::runtime
