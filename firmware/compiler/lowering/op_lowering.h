#pragma once

#include <string_view>
#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lower.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/lowering/quantize.h"
#include "firmware/compiler/variant.h"

/// What lowering functions share. One function an operator; lower.cc lists them. Their errors say
/// what is wrong without naming the operator: Lower() puts its name in front.
namespace tinyrig::compiler {

struct LoweringInput {
  const Graph& graph;
  const Op& op;
  const Variant& variant;
  Placement placement = Placement::kAlone;
};

/// Operators that take several steps.
using LoweredSteps = std::vector<LoweredOp>;

Result<LoweredOp> LowerConv(const LoweringInput& input);
Result<LoweredOp> LowerDepthwiseConv(const LoweringInput& input);
Result<LoweredOp> LowerFullyConnected(const LoweringInput& input);
Result<LoweredOp> LowerPool(const LoweringInput& input);
Result<LoweredOp> LowerReshape(const LoweringInput& input);
Result<LoweredOp> LowerSoftmax(const LoweringInput& input);
Result<LoweredOp> LowerAdd(const LoweringInput& input);
Result<LoweredOp> LowerMul(const LoweringInput& input);
Result<LoweredOp> LowerTranspose(const LoweringInput& input);
Result<LoweredOp> LowerPad(const LoweringInput& input);
Result<LoweredOp> LowerStridedSlice(const LoweringInput& input);
Result<LoweredSteps> LowerConcatenation(const LoweringInput& input);
Result<LoweredSteps> LowerSplit(const LoweringInput& input);
Result<LoweredOp> LowerLogistic(const LoweringInput& input);
Result<LoweredOp> LowerTanh(const LoweringInput& input);
Result<LoweredOp> LowerRelu(const LoweringInput& input);
Result<LoweredOp> LowerLeakyRelu(const LoweringInput& input);
Result<LoweredOp> LowerHardSwish(const LoweringInput& input);
Result<LoweredOp> LowerQuantize(const LoweringInput& input);
Result<LoweredOp> LowerDequantize(const LoweringInput& input);
Result<LoweredOp> LowerReduce(const LoweringInput& input);
Result<LoweredOp> LowerResizeNearest(const LoweringInput& input);

/// Outputs of HARD_SWISH for the inputs 0 to 127, then -128 to -1. Errors: kUnimplemented for
/// scales that its fixed point does not hold.
Result<std::vector<int8_t>> HardSwishTable(const Tensor& in, const Tensor& out);

/// Element types that an operator takes.
enum class Elements : uint8_t {
  kInt8,     ///< int8 with one scale.
  kFloat32,  ///< float32.
  kAny,      ///< Either, or int32: for operators that only move elements.
};

/// Errors: kUnimplemented for another type, several scales or more than kMaxRank dimensions;
/// kInvalidArgument for a scale that is not positive.
Status CheckElements(const Graph& graph, int32_t tensor, Elements elements);

/// A LoweredOp with kind, and `activations` inputs (the operator's first ones) and its one output
/// filled in; both int8. Errors: kInvalidArgument for too few inputs or several outputs;
/// kUnimplemented for a constant in an activation's place; those of CheckElements().
Result<LoweredOp> StartOp(const LoweringInput& input, runtime::OpKind kind, size_t activations);

/// The same for inputs at `activations` of the operator, other types and any number of outputs:
/// `output` is left 0. Constants are taken when `constants` says so.
Result<LoweredOp> StartSteps(const LoweringInput& input, runtime::OpKind kind,
                             std::vector<size_t> activations, Elements elements,
                             bool constants = false);

/// The operator's one output. Errors: kInvalidArgument for several, those of CheckElements().
Result<uint32_t> OnlyOutput(const LoweringInput& input, Elements elements);

/// Whether values may be moved from one tensor to another. Most operators move the bytes whatever
/// the scales, as TFLite does; some insist on the same quantisation.
Status CheckSameType(const Tensor& from, const Tensor& to);
Status CheckSameScale(const Tensor& from, const Tensor& to);
Status CheckShape(const Tensor& tensor, const std::vector<uint32_t>& expected);

/// Values of a constant int32 (or int64) input, e.g. axes. Errors: kUnimplemented when it is
/// computed, kInvalidArgument when it is missing, of another type, or has values beyond int32.
Result<std::vector<int32_t>> ReadIntegers(const LoweringInput& input, size_t index,
                                          std::string_view what);

/// An axis counted from the front, that may be given from the back.
Result<size_t> ResolveAxis(int32_t axis, size_t rank);

/// kInvalidArgument: the file says two things that do not go together.
Status Contradiction(std::string message);

/// Scale and zero point of a tensor that StartOp() accepted.
inline float ScaleOf(const Tensor& tensor) { return tensor.quantization.scale[0]; }
inline int32_t ZeroPointOf(const Tensor& tensor) { return tensor.quantization.zero_point[0]; }

Status CheckRank(const Graph& graph, int32_t tensor, size_t rank);

/// Constant int8 weights of input `index`, symmetric (zero point 0), quantised as a whole or along
/// dimension `axis`.
Result<std::vector<int8_t>> ReadWeights(const LoweringInput& input, size_t index, uint32_t axis);

/// Constant int32 bias of input `index` with `count` values; zeros when the operator has none.
Result<std::vector<int32_t>> ReadBias(const LoweringInput& input, size_t index, size_t count);

}  // namespace tinyrig::compiler
