#include "firmware/compiler/lowering/lower.h"

#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/lowering/op_lowering.h"

namespace tinyrig::compiler {
namespace {

struct Entry {
  Builtin builtin;
  int32_t max_version;  ///< Later versions may mean something that is not computed here.
  Result<LoweredOp> (*lower)(const LoweringInput& input);
};

constexpr Entry kEntries[] = {
    {Builtin::kConv2D, 8, LowerConv},
    {Builtin::kDepthwiseConv2D, 7, LowerDepthwiseConv},
    {Builtin::kFullyConnected, 12, LowerFullyConnected},
    {Builtin::kAveragePool2D, 3, LowerPool},
    {Builtin::kMaxPool2D, 3, LowerPool},
    {Builtin::kReshape, 1, LowerReshape},
    {Builtin::kSoftmax, 3, LowerSoftmax},
    {Builtin::kAdd, 5, LowerAdd},
};

const Entry* FindEntry(const Op& op) {
  const auto* entry =
      std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& candidate) {
        return static_cast<int32_t>(candidate.builtin) == op.builtin;
      });
  return entry != std::end(kEntries) && op.version <= entry->max_version ? entry : nullptr;
}

std::string SupportedNames(const Op& op) {
  // A known operator of a later version needs another advice than an unknown one.
  for (const Entry& entry : kEntries) {
    if (static_cast<int32_t>(entry.builtin) == op.builtin) {
      return fmt::format("versions up to {} are; convert with an older TensorFlow",
                         entry.max_version);
    }
  }
  return "supported are CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, AVERAGE_POOL_2D, MAX_POOL_2D, "
         "RESHAPE, SOFTMAX and ADD; replace it, or move it out of the model into the application";
}

}  // namespace

bool IsSupported(const Op& op) { return FindEntry(op) != nullptr; }

Result<std::vector<LoweredOp>> Lower(const Graph& graph, const Variant& variant) {
  std::vector<LoweredOp> lowered;
  lowered.reserve(graph.ops.size());
  for (const Op& op : graph.ops) {
    const Entry* entry = FindEntry(op);
    if (entry == nullptr) {
      return Status(Code::kUnimplemented,
                    fmt::format("{} is not supported; {}", op.Describe(), SupportedNames(op)));
    }
    Result<LoweredOp> result = entry->lower({graph, op, variant});
    if (!result.ok()) {
      return Status(result.error().code(),
                    fmt::format("{}: {}", op.Describe(), result.error().message()));
    }
    lowered.push_back(*std::move(result));
  }
  return lowered;
}

}  // namespace tinyrig::compiler
