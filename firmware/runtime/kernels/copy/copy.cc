#include "firmware/runtime/kernels/copy/copy.h"

#include <cstring>

#include "firmware/runtime/kernels/walk.h"

namespace tinyrig::runtime {
namespace {

constexpr size_t kLast = kMaxRank - 1;

/// Walks count modulo 2^32, so that negative strides are numbers like others.
const uint32_t* Unsigned(const int32_t* strides) {
  return reinterpret_cast<const uint32_t*>(strides);
}

template <typename Element>
void Fill(Element* to, Element value, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i] = value;
}

template <typename Element>
void Run(const Element* from, Element* to, const CopyParams& params) {
  const uint32_t count = params.dims[kLast];
  const int32_t from_step = params.in_strides[kLast];
  const int32_t to_step = params.out_strides[kLast];
  if (from_step == 1 && to_step == 1) {
    std::memmove(to, from, count * sizeof(Element));
    return;
  }
  ptrdiff_t read = 0;
  ptrdiff_t write = 0;
  for (uint32_t i = 0; i < count; ++i, read += from_step, write += to_step) to[write] = from[read];
}

template <typename Element>
void CopyElements(const OpContext& context) {
  const auto& params = context.params<CopyParams>();
  const auto* from = reinterpret_cast<const Element*>(context.input_data());
  auto* to = reinterpret_cast<Element*>(context.output_data());
  if (params.fills != 0) {
    Fill(to, static_cast<Element>(params.fill),
         static_cast<size_t>(ElementCount(context.output())));
  }
  Walk<2> walk(params.dims, {Unsigned(params.in_strides), Unsigned(params.out_strides)});
  do {
    Run(from + (params.in_offset + walk.at(0)), to + (params.out_offset + walk.at(1)), params);
  } while (walk.Next());
}

}  // namespace

Code PrepareCopy(const OpCheck& check) {
  if (!check.Has<CopyParams>(1)) return Code::kInvalidArgument;
  const auto& params = check.params<CopyParams>();
  const uint64_t written = ElementCount(check.output());
  const bool sound =
      check.input().type == check.output().type && params.fills <= 1 &&
      WalkIsSound(params.dims, params.in_strides, params.in_offset, ElementCount(check.input()),
                  written) &&
      WalkIsSound(params.dims, params.out_strides, params.out_offset, written, written);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void Copy(const OpContext& context) {
  if (ElementBytes(context.output().type) == 1) return CopyElements<uint8_t>(context);
  CopyElements<uint32_t>(context);
}

}  // namespace tinyrig::runtime
