#include <algorithm>
#include <cmath>

#include "firmware/compiler/lowering/op_lowering.h"

/// RESIZE_NEAREST_NEIGHBOR.
namespace tinyrig::compiler {
namespace {

/// For each of `out` pixels the one of `in` it takes, computed in float as TFLite does.
std::vector<uint16_t> NearestTable(uint32_t in, uint32_t out, const ResizeNearestOptions& options) {
  const bool to_corners = options.align_corners && out > 1;
  const float scale = to_corners ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                 : static_cast<float>(in) / static_cast<float>(out);
  const float offset = options.half_pixel_centers ? 0.5f : 0.0f;
  std::vector<uint16_t> table(out);
  for (uint32_t i = 0; i < out; ++i) {
    const float position = (static_cast<float>(i) + offset) * scale;
    const float pixel = options.align_corners ? std::round(position) : std::floor(position);
    table[i] = static_cast<uint16_t>(std::clamp(pixel, 0.0f, static_cast<float>(in - 1)));
  }
  return table;
}

}  // namespace

Result<LoweredOp> LowerResizeNearest(const LoweringInput& input) {
  TRY_ASSIGN(LoweredOp op, StartOp(input, runtime::OpKind::kResizeNearest, 1));
  TRY(CheckRank(input.graph, input.op.inputs[0], 4));
  TRY_ASSIGN(const std::vector<int32_t> size, ReadIntegers(input, 1, "size"));
  const Tensor& in = input.graph.tensors[op.inputs[0]];
  const Tensor& out = input.graph.tensors[op.output];
  if (size.size() != 2) {
    return Status(Code::kInvalidArgument, "does not have two sizes; convert the model again");
  }
  TRY(CheckSameType(in, out));
  TRY(CheckShape(out, {in.shape[0], static_cast<uint32_t>(size[0]), static_cast<uint32_t>(size[1]),
                       in.shape[3]}));
  if (std::max(in.shape[1], in.shape[2]) > UINT16_MAX) {
    return Status(Code::kUnimplemented,
                  "has an input above 65535 pixels a side; use a smaller one");
  }
  const auto& options = std::get<ResizeNearestOptions>(input.op.options);
  using runtime::ResizeNearestParams;
  op.params = ToBytes(ResizeNearestParams{.rows_offset = 0, .columns_offset = 0});
  op.constants.push_back({ToBytes(NearestTable(in.shape[1], out.shape[1], options)),
                          offsetof(ResizeNearestParams, rows_offset), false});
  op.constants.push_back({ToBytes(NearestTable(in.shape[2], out.shape[2], options)),
                          offsetof(ResizeNearestParams, columns_offset), false});
  return op;
}

}  // namespace tinyrig::compiler
