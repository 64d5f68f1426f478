#include "firmware/compiler/lowering/copy.h"

#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/lowering/op_lowering.h"

/// COPY and what it does: TRANSPOSE, PAD, CONCATENATION and SPLIT. STRIDED_SLICE is in
/// strided_slice.cc.
namespace tinyrig::compiler {
namespace {

using runtime::kMaxRank;

/// An operator with one activation that moves its elements to one output.
Result<LoweredOp> StartMove(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kCopy, {0}, Elements::kAny));
  TRY_ASSIGN(op.output, OnlyOutput(input, Elements::kAny));
  TRY(CheckSameType(input.graph.tensors[op.inputs[0]], input.graph.tensors[op.output]));
  return op;
}

/// A part of a tensor: `shape` elements of it, beginning at `offset`.
std::vector<LoopDim<2>> DenseLoop(const std::vector<uint32_t>& shape,
                                  const std::vector<int32_t>& in_strides,
                                  const std::vector<int32_t>& out_strides) {
  std::vector<LoopDim<2>> dims(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    dims[d] = {shape[d], {in_strides[d], out_strides[d]}};
  }
  return dims;
}

}  // namespace

std::vector<int32_t> Strides(const std::vector<uint32_t>& shape) {
  std::vector<int32_t> strides(shape.size());
  int32_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= static_cast<int32_t>(shape[d]);
  }
  return strides;
}

runtime::CopyParams MakeCopy(const std::vector<LoopDim<2>>& dims, uint32_t in_offset,
                             uint32_t out_offset) {
  const std::vector<LoopDim<2>> simple = Simplify(dims);
  runtime::CopyParams params{};
  std::fill(std::begin(params.dims), std::end(params.dims), 1);
  const size_t first = kMaxRank - simple.size();
  for (size_t d = 0; d < simple.size(); ++d) {
    params.dims[first + d] = simple[d].count;
    params.in_strides[first + d] = simple[d].strides[0];
    params.out_strides[first + d] = simple[d].strides[1];
  }
  if (simple.empty()) params.in_strides[kMaxRank - 1] = params.out_strides[kMaxRank - 1] = 1;
  params.in_offset = in_offset;
  params.out_offset = out_offset;
  return params;
}

Result<LoweredOp> LowerTranspose(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartMove(input));
  TRY_ASSIGN(const std::vector<int32_t> order, ReadIntegers(input, 1, "order of dimensions"));
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  const size_t rank = in.shape.size();
  if (order.size() != rank) {
    return Contradiction(fmt::format("orders {} dimensions of {}", order.size(), rank));
  }
  const std::vector<int32_t> strides = Strides(in.shape);
  std::vector<uint32_t> shape;
  std::vector<int32_t> in_strides;
  std::vector<bool> seen(rank);
  for (const int32_t entry : order) {
    TRY_ASSIGN(const size_t axis, ResolveAxis(entry, rank));
    if (seen[axis]) return Contradiction(fmt::format("names dimension {} twice", entry));
    seen[axis] = true;
    shape.push_back(in.shape[axis]);
    in_strides.push_back(strides[axis]);
  }
  TRY(CheckShape(out, shape));
  op.params = ToBytes(MakeCopy(DenseLoop(shape, in_strides, Strides(shape)), 0, 0));
  return op;
}

namespace {

/// What PAD puts around: zero, or the value of PADV2's third input.
Result<uint32_t> ReadFill(const LoweringInput& input, const Tensor& out) {
  const bool is_int8 = out.type == DataType::kInt8;
  if (input.op.builtin != static_cast<int32_t>(Builtin::kPadV2)) {
    return is_int8 ? static_cast<uint32_t>(ZeroPointOf(out)) : 0u;
  }
  if (input.op.inputs.size() < 3 || input.op.inputs[2] < 0) {
    return Contradiction("has no value to pad with");
  }
  const Tensor& value = input.graph.tensor(input.op.inputs[2]);
  if (!value.constant || value.ElementCount() != 1) {
    return Status(Code::kUnimplemented, DescribeTensor(input.graph, input.op.inputs[2]) +
                                            " (value to pad with) is not one constant; use PAD");
  }
  TRY(CheckElements(input.graph, input.op.inputs[2], Elements::kAny));
  TRY(CheckSameScale(value, out));
  uint32_t bits = 0;
  std::copy(value.constant->begin(), value.constant->end(), reinterpret_cast<std::byte*>(&bits));
  return bits;
}

}  // namespace

Result<LoweredOp> LowerPad(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartMove(input));
  TRY_ASSIGN(const std::vector<int32_t> pads, ReadIntegers(input, 1, "padding"));
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  if (pads.size() != 2 * in.shape.size()) {
    return Contradiction(
        fmt::format("has {} paddings for {} dimensions", pads.size(), in.shape.size()));
  }
  const std::vector<int32_t> out_strides = Strides(out.shape);
  std::vector<uint32_t> shape = in.shape;
  uint64_t offset = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (pads[2 * d] < 0 || pads[2 * d + 1] < 0) return Contradiction("has a negative padding");
    const uint64_t wide = uint64_t{shape[d]} + static_cast<uint32_t>(pads[2 * d]) +
                          static_cast<uint32_t>(pads[2 * d + 1]);
    shape[d] = static_cast<uint32_t>(std::min<uint64_t>(wide, UINT32_MAX));
  }
  TRY(CheckShape(out, shape));
  for (size_t d = 0; d < shape.size(); ++d) {
    offset += static_cast<uint64_t>(pads[2 * d]) * static_cast<uint64_t>(out_strides[d]);
  }
  runtime::CopyParams params = MakeCopy(DenseLoop(in.shape, Strides(in.shape), out_strides), 0,
                                        static_cast<uint32_t>(offset));
  params.fills = 1;
  TRY_ASSIGN(params.fill, ReadFill(input, out));
  op.params = ToBytes(params);
  return op;
}

Result<LoweredSteps> LowerConcatenation(const LoweringInput& input) {
  const auto& options = std::get<ConcatenationOptions>(input.op.options);
  if (options.activation != Activation::kNone) {
    return Status(Code::kUnimplemented, "has a fused activation; put it behind");
  }
  TRY_ASSIGN(const uint32_t output, OnlyOutput(input, Elements::kAny));
  const Tensor& out = input.graph.tensors[output];
  TRY_ASSIGN(const size_t axis, ResolveAxis(options.axis, out.shape.size()));
  const std::vector<int32_t> out_strides = Strides(out.shape);
  std::vector<uint32_t> shape = out.shape;
  uint64_t begin = 0;
  LoweredSteps steps;
  for (size_t i = 0; i < input.op.inputs.size(); ++i) {
    TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kCopy, {i}, Elements::kAny, true));
    const Tensor& in = input.graph.tensors[op.inputs[0]];
    TRY(CheckSameScale(in, out));
    shape[axis] = in.shape.size() == shape.size() ? in.shape[axis] : 0;
    if (in.shape != shape || begin + shape[axis] > out.shape[axis]) {
      return Contradiction(fmt::format("puts [{}] into [{}] along dimension {}",
                                       fmt::join(in.shape, ", "), fmt::join(out.shape, ", "),
                                       axis));
    }
    op.output = output;
    op.is_part = i + 1 < input.op.inputs.size();
    op.note = fmt::format("part {} of {}", i + 1, input.op.inputs.size());
    op.params =
        ToBytes(MakeCopy(DenseLoop(in.shape, Strides(in.shape), out_strides), 0,
                         static_cast<uint32_t>(begin) * static_cast<uint32_t>(out_strides[axis])));
    begin += shape[axis];
    steps.push_back(std::move(op));
  }
  if (begin == out.shape[axis]) return steps;
  return Contradiction(
      fmt::format("has inputs of {} in all for a dimension of {}", begin, out.shape[axis]));
}

Result<LoweredSteps> LowerSplit(const LoweringInput& input) {
  TRY_ASSIGN(const LoweredOp first, StartSteps(input, runtime::OpKind::kCopy, {1}, Elements::kAny));
  TRY_ASSIGN(const std::vector<int32_t> axes, ReadIntegers(input, 0, "dimension"));
  if (axes.size() != 1) return Contradiction("does not split along one dimension");
  const Tensor& in = input.graph.tensors[first.inputs[0]];
  TRY_ASSIGN(const size_t axis, ResolveAxis(axes[0], in.shape.size()));
  const auto count = static_cast<uint32_t>(input.op.outputs.size());
  if (in.shape[axis] % count != 0) {
    return Contradiction(fmt::format("splits {} into {} parts", in.shape[axis], count));
  }
  std::vector<uint32_t> shape = in.shape;
  shape[axis] /= count;
  const std::vector<int32_t> in_strides = Strides(in.shape);
  LoweredSteps steps;
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t output = input.op.outputs[i];
    TRY(CheckElements(input.graph, output, Elements::kAny));
    TRY(CheckSameType(in, input.graph.tensor(output)));
    TRY(CheckShape(input.graph.tensor(output), shape));
    LoweredOp op = first;
    op.output = static_cast<uint32_t>(output);
    op.note = fmt::format("output {} of {}", i + 1, count);
    op.params = ToBytes(MakeCopy(DenseLoop(shape, in_strides, Strides(shape)),
                                 i * shape[axis] * static_cast<uint32_t>(in_strides[axis]), 0));
    steps.push_back(std::move(op));
  }
  return steps;
}

}  // namespace tinyrig::compiler
