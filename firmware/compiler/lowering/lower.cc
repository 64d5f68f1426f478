#include "firmware/compiler/lowering/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "firmware/compiler/lowering/op_lowering.h"
#include "firmware/compiler/tflite/reader.h"

namespace tinyrig::compiler {
namespace {

using LowerSingle = Result<LoweredOp> (*)(const LoweringInput& input);
using LowerSeveral = Result<LoweredSteps> (*)(const LoweringInput& input);

struct Entry {
  Builtin builtin;
  int32_t max_version;  ///< Later versions may mean something that is not computed here.
  std::variant<LowerSingle, LowerSeveral> lower;
};

constexpr Entry kEntries[] = {
    {Builtin::kConv2D, 8, LowerConv},
    {Builtin::kDepthwiseConv2D, 7, LowerDepthwiseConv},
    {Builtin::kFullyConnected, 12, LowerFullyConnected},
    {Builtin::kAveragePool2D, 3, LowerPool},
    {Builtin::kMaxPool2D, 3, LowerPool},
    {Builtin::kMean, 3, LowerReduce},
    {Builtin::kSum, 2, LowerReduce},
    {Builtin::kAdd, 5, LowerAdd},
    {Builtin::kSub, 5, LowerAdd},
    {Builtin::kMul, 7, LowerMul},
    {Builtin::kSoftmax, 3, LowerSoftmax},
    {Builtin::kLogistic, 3, LowerLogistic},
    {Builtin::kTanh, 3, LowerTanh},
    {Builtin::kRelu, 3, LowerRelu},
    {Builtin::kRelu6, 3, LowerRelu},
    {Builtin::kReluN1To1, 3, LowerRelu},
    {Builtin::kLeakyRelu, 2, LowerLeakyRelu},
    {Builtin::kHardSwish, 1, LowerHardSwish},
    {Builtin::kReshape, 1, LowerReshape},
    {Builtin::kSqueeze, 2, LowerReshape},
    {Builtin::kExpandDims, 1, LowerReshape},
    {Builtin::kTranspose, 7, LowerTranspose},
    {Builtin::kPad, 4, LowerPad},
    {Builtin::kPadV2, 4, LowerPad},
    {Builtin::kConcatenation, 5, LowerConcatenation},
    {Builtin::kSplit, 4, LowerSplit},
    {Builtin::kStridedSlice, 8, LowerStridedSlice},
    {Builtin::kResizeNearestNeighbor, 4, LowerResizeNearest},
    {Builtin::kQuantize, 4, LowerQuantize},
    {Builtin::kDequantize, 6, LowerDequantize},
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
  std::string names;
  for (const Entry& entry : kEntries) {
    if (!names.empty()) names += ", ";
    names += BuiltinName(static_cast<int32_t>(entry.builtin));
  }
  return fmt::format(
      "supported are {}; replace it, or move it out of the model into the application", names);
}

Result<LoweredSteps> LowerOp(const Entry& entry, const LoweringInput& input) {
  if (const auto* several = std::get_if<LowerSeveral>(&entry.lower)) return (*several)(input);
  TRY_ASSIGN(LoweredOp op, std::get<LowerSingle>(entry.lower)(input));
  LoweredSteps steps;
  steps.push_back(std::move(op));
  return steps;
}

}  // namespace

bool IsSupported(const Op& op) { return FindEntry(op) != nullptr; }

Result<std::vector<LoweredOp>> LowerOne(const Graph& graph, const Op& op, const Variant& variant,
                                        Placement placement) {
  const Entry* entry = FindEntry(op);
  if (entry == nullptr) {
    return Status(Code::kUnimplemented,
                  fmt::format("{} is not supported; {}", op.Describe(), SupportedNames(op)));
  }
  Result<LoweredSteps> result = LowerOp(*entry, {graph, op, variant, placement});
  if (!result.ok()) {
    return Status(result.error().code(),
                  fmt::format("{}: {}", op.Describe(), result.error().message()));
  }
  return result;
}

Result<std::vector<LoweredOp>> Lower(const Graph& graph, const Variant& variant) {
  std::vector<LoweredOp> lowered;
  lowered.reserve(graph.ops.size());
  for (const Op& op : graph.ops) {
    TRY_ASSIGN(std::vector<LoweredOp> steps, LowerOne(graph, op, variant));
    for (LoweredOp& step : steps) lowered.push_back(std::move(step));
  }
  return lowered;
}

}  // namespace tinyrig::compiler
