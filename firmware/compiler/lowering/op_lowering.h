#pragma once

#include "firmware/compiler/graph.h"
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
};

Result<LoweredOp> LowerConv(const LoweringInput& input);
Result<LoweredOp> LowerDepthwiseConv(const LoweringInput& input);
Result<LoweredOp> LowerFullyConnected(const LoweringInput& input);
Result<LoweredOp> LowerPool(const LoweringInput& input);
Result<LoweredOp> LowerReshape(const LoweringInput& input);
Result<LoweredOp> LowerSoftmax(const LoweringInput& input);
Result<LoweredOp> LowerAdd(const LoweringInput& input);

/// A LoweredOp with kind, and `activations` inputs (the operator's first ones) and its one output
/// filled in. Errors: kInvalidArgument for too few inputs or several outputs, or a constant in an
/// activation's place; kUnimplemented for an activation that is not int8 with one scale, or of more
/// than four dimensions.
Result<LoweredOp> StartOp(const LoweringInput& input, runtime::OpKind kind, size_t activations);

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
