#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/lowering/copy.h"
#include "firmware/compiler/lowering/op_lowering.h"

/// STRIDED_SLICE: every stride-th element from begin up to end, along each dimension; masks say
/// where begin or end are left out, and which dimensions vanish.
namespace tinyrig::compiler {
namespace {

/// One dimension of the slice.
struct Range {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

/// An index as written: from the back when negative, then brought to where a walk may start or end.
int64_t Resolve(int32_t index, int64_t size, bool forwards) {
  const int64_t from_front = index < 0 ? index + size : index;
  return forwards ? std::clamp<int64_t>(from_front, 0, size)
                  : std::clamp<int64_t>(from_front, -1, size - 1);
}

/// Begin, end and stride of all dimensions that the operator speaks of.
struct Bounds {
  std::vector<int32_t> begin;
  std::vector<int32_t> end;
  std::vector<int32_t> step;
};

Result<Range> MakeRange(const StridedSliceOptions& options, const Bounds& bounds, size_t d,
                        int64_t size) {
  if (d >= bounds.begin.size()) return Range{0, 1, size};
  const uint32_t bit = 1u << d;
  const int64_t step = bounds.step[d];
  if (step == 0) return Contradiction(fmt::format("has a stride of 0 along dimension {}", d));
  const bool forwards = step > 0;
  const bool shrinks = (options.shrink_axis_mask & bit) != 0;
  const bool from_edge = (options.begin_mask & bit) != 0;
  const int64_t start =
      from_edge ? (forwards ? 0 : size - 1) : Resolve(bounds.begin[d], size, forwards);
  if (shrinks) {
    if (!forwards || start >= size) {
      return Contradiction(fmt::format("takes element {} of {}", bounds.begin[d], size));
    }
    return Range{start, 1, 1};
  }
  const bool to_edge = (options.end_mask & bit) != 0;
  const int64_t stop = to_edge ? (forwards ? size : -1) : Resolve(bounds.end[d], size, forwards);
  const int64_t span = forwards ? stop - start : start - stop;
  const int64_t stride = forwards ? step : -step;
  return Range{start, step, span <= 0 ? 0 : (span + stride - 1) / stride};
}

Result<Bounds> ReadBounds(const LoweringInput& input, size_t rank) {
  Bounds bounds;
  TRY_ASSIGN(bounds.begin, ReadIntegers(input, 1, "begin"));
  TRY_ASSIGN(bounds.end, ReadIntegers(input, 2, "end"));
  TRY_ASSIGN(bounds.step, ReadIntegers(input, 3, "strides"));
  if (bounds.begin.size() <= rank && bounds.begin.size() == bounds.end.size() &&
      bounds.begin.size() == bounds.step.size()) {
    return bounds;
  }
  return Contradiction(fmt::format("has {} begins, {} ends and {} strides for {} dimensions",
                                   bounds.begin.size(), bounds.end.size(), bounds.step.size(),
                                   rank));
}

}  // namespace

Result<LoweredOp> LowerStridedSlice(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartSteps(input, runtime::OpKind::kCopy, {0}, Elements::kAny));
  TRY_ASSIGN(op.output, OnlyOutput(input, Elements::kAny));
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  TRY(CheckSameType(in, out));
  const auto& options = std::get<StridedSliceOptions>(input.op.options);
  if (options.ellipsis_mask != 0 || options.new_axis_mask != 0 || options.offset) {
    return Status(Code::kUnimplemented,
                  "has an ellipsis, a new dimension or ends given as offsets; write out begin and "
                  "end of all dimensions");
  }
  TRY_ASSIGN(const Bounds bounds, ReadBounds(input, in.shape.size()));
  const std::vector<int32_t> in_strides = Strides(in.shape);
  std::vector<uint32_t> taken;  // All dimensions; `shape` is without those that vanish.
  std::vector<uint32_t> shape;
  std::vector<LoopDim<2>> loop;
  int64_t offset = 0;
  for (size_t d = 0; d < in.shape.size(); ++d) {
    TRY_ASSIGN(const Range range, MakeRange(options, bounds, d, in.shape[d]));
    if (range.count == 0) return Contradiction(fmt::format("takes nothing of dimension {}", d));
    taken.push_back(static_cast<uint32_t>(range.count));
    if ((options.shrink_axis_mask >> d & 1) == 0) shape.push_back(taken.back());
    // A step beyond the tensor is never taken: then there is one element.
    const int64_t step = range.count == 1 ? 1 : range.step;
    loop.push_back({taken.back(), {static_cast<int32_t>(step * in_strides[d]), 0}});
    offset += range.start * in_strides[d];
  }
  TRY(CheckShape(out, shape));
  const std::vector<int32_t> out_strides = Strides(taken);
  for (size_t d = 0; d < loop.size(); ++d) loop[d].strides[1] = out_strides[d];
  op.params = ToBytes(MakeCopy(loop, static_cast<uint32_t>(offset), 0));
  return op;
}

}  // namespace tinyrig::compiler
