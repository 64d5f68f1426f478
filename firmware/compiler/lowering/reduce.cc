#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "firmware/compiler/lowering/copy.h"
#include "firmware/compiler/lowering/op_lowering.h"

/// MEAN and SUM.
namespace tinyrig::compiler {
namespace {

using runtime::kMaxRank;

/// Puts a loop into the last entries of an array of kMaxRank; the others stay at one step.
void Store(const std::vector<LoopDim<1>>& dims, uint32_t* counts, uint32_t* strides) {
  const std::vector<LoopDim<1>> simple = Simplify(dims);
  std::fill(counts, counts + kMaxRank, 1);
  const size_t first = kMaxRank - simple.size();
  for (size_t d = 0; d < simple.size(); ++d) {
    counts[first + d] = simple[d].count;
    strides[first + d] = static_cast<uint32_t>(simple[d].strides[0]);
  }
}

/// The division of a mean, put into the multiplier as TFLite does it: in integers, rounded down.
Multiplier DivideBy(const Multiplier& factor, uint64_t count) {
  int shift = std::bit_width(count) - 1;
  shift = std::min({shift, 32, 31 + factor.shift});
  const int64_t wide = static_cast<int64_t>(factor.multiplier) << shift;
  return {static_cast<int32_t>(wide / static_cast<int64_t>(count)), factor.shift - shift};
}

}  // namespace

Result<LoweredOp> LowerReduce(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartOp(input, runtime::OpKind::kReduce, 1));
  TRY_ASSIGN(const std::vector<int32_t> axes, ReadIntegers(input, 1, "dimensions"));
  if (axes.empty()) {
    return Status(Code::kUnimplemented, "reduces along no dimension; leave it out");
  }
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  const bool keep_dims = std::get<ReduceOptions>(input.op.options).keep_dims;
  std::vector<bool> is_reduced(in.shape.size());
  for (const int32_t entry : axes) {
    TRY_ASSIGN(const size_t axis, ResolveAxis(entry, in.shape.size()));
    is_reduced[axis] = true;
  }
  const std::vector<int32_t> strides = Strides(in.shape);
  std::vector<LoopDim<1>> kept;
  std::vector<LoopDim<1>> reduced;
  std::vector<uint32_t> shape;
  uint64_t count = 1;
  for (size_t d = 0; d < in.shape.size(); ++d) {
    (is_reduced[d] ? reduced : kept).push_back({in.shape[d], {strides[d]}});
    if (is_reduced[d]) count *= in.shape[d];
    if (!is_reduced[d]) shape.push_back(in.shape[d]);
    if (is_reduced[d] && keep_dims) shape.push_back(1);
  }
  TRY(CheckShape(out, shape));
  TRY_ASSIGN(Multiplier factor, QuantizeMultiplier(static_cast<double>(ScaleOf(in)) /
                                                   static_cast<double>(ScaleOf(out))));
  if (input.op.builtin == static_cast<int32_t>(Builtin::kMean)) factor = DivideBy(factor, count);
  const int64_t offset = -ZeroPointOf(in) * static_cast<int64_t>(count);
  if (count > (uint64_t{1} << 23)) {
    return Status(Code::kUnimplemented,
                  fmt::format("adds up {} values, more than 2^23; use smaller inputs", count));
  }
  runtime::ReduceParams params{};
  Store(kept, params.kept_dims, params.kept_strides);
  Store(reduced, params.reduced_dims, params.reduced_strides);
  params.offset = static_cast<int32_t>(offset);
  params.multiplier = factor.multiplier;
  params.shift = factor.shift;
  op.params = ToBytes(params);
  return op;
}

}  // namespace tinyrig::compiler
