#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/lowering/copy.h"
#include "firmware/compiler/lowering/op_lowering.h"

/// ADD, SUB and MUL: pairs of elements, with broadcasting and constants.
namespace tinyrig::compiler {
namespace {

using runtime::Broadcast;
using runtime::kMaxRank;

/// Strides of an input under the output's dimensions: 0 where it repeats. Errors: kInvalidArgument
/// when it does not fit.
Result<std::vector<int32_t>> RepeatingStrides(const std::vector<uint32_t>& shape,
                                              const std::vector<uint32_t>& out) {
  std::vector<int32_t> strides(out.size());
  bool fits = shape.size() <= out.size();
  const size_t missing = fits ? out.size() - shape.size() : 0;
  const std::vector<int32_t> dense = Strides(shape);
  for (size_t d = 0; fits && d < shape.size(); ++d) {
    fits = shape[d] == 1 || shape[d] == out[missing + d];
    strides[missing + d] = shape[d] == 1 ? 0 : dense[d];
  }
  if (fits) return strides;
  return Status(Code::kInvalidArgument,
                fmt::format("makes [{}] of an input of [{}]; convert the model again",
                            fmt::join(out, ", "), fmt::join(shape, ", ")));
}

/// What the three have in common.
struct Pair {
  LoweredOp op;
  const Tensor* a = nullptr;
  const Tensor* b = nullptr;
  const Tensor* out = nullptr;
  ActivationRange range;
  std::optional<Broadcast> broadcast;
};

Result<Pair> StartPair(const LoweringInput& input, runtime::OpKind kind) {
  Pair pair;
  TRY_ASSIGN(pair.op, StartSteps(input, kind, {0, 1}, Elements::kInt8, true));
  TRY_ASSIGN(pair.op.output, OnlyOutput(input, Elements::kInt8));
  pair.a = &input.graph.tensors[pair.op.inputs[0]];
  pair.b = &input.graph.tensors[pair.op.inputs[1]];
  pair.out = &input.graph.tensors[pair.op.output];
  TRY_ASSIGN(pair.broadcast, MakeBroadcast(pair.a->shape, pair.b->shape, pair.out->shape));
  TRY_ASSIGN(pair.range, QuantizeActivation(std::get<AddOptions>(input.op.options).activation,
                                            ScaleOf(*pair.out), ZeroPointOf(*pair.out)));
  // An input that repeats is read again after its place was written.
  pair.op.sharing = Sharing::kInPlace;
  pair.op.overwritable = 0;
  if (pair.a->ElementCount() == pair.out->ElementCount()) pair.op.overwritable |= 1;
  if (pair.b->ElementCount() == pair.out->ElementCount()) pair.op.overwritable |= 2;
  return pair;
}

LoweredOp Finish(Pair pair, std::vector<std::byte> params, size_t patch_at) {
  pair.op.params = std::move(params);
  if (pair.broadcast) pair.op.constants.push_back({ToBytes(*pair.broadcast), patch_at, false});
  return std::move(pair.op);
}

}  // namespace

Result<std::optional<Broadcast>> MakeBroadcast(const std::vector<uint32_t>& a,
                                               const std::vector<uint32_t>& b,
                                               const std::vector<uint32_t>& out) {
  TRY_ASSIGN(const std::vector<int32_t> a_strides, RepeatingStrides(a, out));
  TRY_ASSIGN(const std::vector<int32_t> b_strides, RepeatingStrides(b, out));
  std::vector<LoopDim<2>> dims(out.size());
  for (size_t d = 0; d < out.size(); ++d) dims[d] = {out[d], {a_strides[d], b_strides[d]}};
  const std::vector<LoopDim<2>> simple = Simplify(dims);
  const auto dense = [](const LoopDim<2>& dim) {
    return dim.strides[0] == 1 && dim.strides[1] == 1;
  };
  if (simple.empty() || (simple.size() == 1 && dense(simple[0]))) {
    return std::optional<Broadcast>();
  }
  for (const LoopDim<2>& dim : simple) {
    if (dim.strides[0] != 0 || dim.strides[1] != 0) continue;
    return Status(Code::kInvalidArgument,
                  fmt::format("makes [{}] of [{}] and [{}]; convert the model again",
                              fmt::join(out, ", "), fmt::join(a, ", "), fmt::join(b, ", ")));
  }
  Broadcast broadcast{};
  std::fill(std::begin(broadcast.dims), std::end(broadcast.dims), 1);
  const size_t first = kMaxRank - simple.size();
  for (size_t d = 0; d < simple.size(); ++d) {
    broadcast.dims[first + d] = simple[d].count;
    for (size_t i = 0; i < 2; ++i) {
      broadcast.strides[i][first + d] = static_cast<uint32_t>(simple[d].strides[i]);
    }
  }
  return std::optional<Broadcast>(broadcast);
}

Result<LoweredOp> LowerAdd(const LoweringInput& input) {
  const bool is_sub = input.op.builtin == static_cast<int32_t>(Builtin::kSub);
  TRY_ASSIGN(Pair pair, StartPair(input, is_sub ? runtime::OpKind::kSub : runtime::OpKind::kAdd));
  constexpr int kLeftShift = 20;
  const auto scale_a = static_cast<double>(ScaleOf(*pair.a));
  const auto scale_b = static_cast<double>(ScaleOf(*pair.b));
  const double twice_max = 2 * std::max(scale_a, scale_b);
  TRY_ASSIGN(const Multiplier first, QuantizeMultiplier(scale_a / twice_max));
  TRY_ASSIGN(const Multiplier second, QuantizeMultiplier(scale_b / twice_max));
  TRY_ASSIGN(const Multiplier result,
             QuantizeMultiplier(twice_max /
                                ((1 << kLeftShift) * static_cast<double>(ScaleOf(*pair.out)))));
  auto params = ToBytes(runtime::AddParams{.multiplier = {first.multiplier, second.multiplier},
                                           .shift = {first.shift, second.shift},
                                           .output_multiplier = result.multiplier,
                                           .output_shift = result.shift,
                                           .activation_min = pair.range.min,
                                           .activation_max = pair.range.max,
                                           .reserved = 0,
                                           .broadcast_offset = 0});
  return Finish(std::move(pair), std::move(params), offsetof(runtime::AddParams, broadcast_offset));
}

Result<LoweredOp> LowerMul(const LoweringInput& input) {
  TRY_ASSIGN(Pair pair, StartPair(input, runtime::OpKind::kMul));
  // TFLite's interpreter computes this factor in float.
  const float real = ScaleOf(*pair.a) * ScaleOf(*pair.b) / ScaleOf(*pair.out);
  TRY_ASSIGN(const Multiplier factor, QuantizeMultiplier(static_cast<double>(real)));
  auto params = ToBytes(runtime::MulParams{.multiplier = factor.multiplier,
                                           .shift = factor.shift,
                                           .activation_min = pair.range.min,
                                           .activation_max = pair.range.max,
                                           .reserved = 0,
                                           .broadcast_offset = 0});
  return Finish(std::move(pair), std::move(params), offsetof(runtime::MulParams, broadcast_offset));
}

}  // namespace tinyrig::compiler
