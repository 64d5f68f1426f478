#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "firmware/compiler/lowering/quantize.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/passes/readers.h"

namespace tinyrig::compiler {
namespace {

/// Zero points added around an image.
struct Border {
  uint32_t top = 0, bottom = 0, left = 0, right = 0;
};

/// What the constant operand [4, 2] of a PAD says, when only rows and columns of an NHWC image are
/// added and not so many that a kernel could not reach across.
std::optional<Border> ReadBorder(const Graph& graph, const Op& op) {
  constexpr uint32_t kMost = std::numeric_limits<uint16_t>::max();
  if (op.inputs.size() != 2 || op.inputs[0] < 0 || op.inputs[1] < 0) return std::nullopt;
  const Tensor& amounts = graph.tensor(op.inputs[1]);
  if (!amounts.constant || amounts.type != DataType::kInt32 ||
      amounts.shape != std::vector<uint32_t>{4, 2}) {
    return std::nullopt;
  }
  int32_t values[8];
  std::memcpy(values, amounts.constant->data(), sizeof(values));
  const bool small = std::ranges::all_of(
      values, [](int32_t v) { return v >= 0 && static_cast<uint32_t>(v) <= kMost; });
  if (!small || values[0] != 0 || values[1] != 0 || values[6] != 0 || values[7] != 0) {
    return std::nullopt;
  }
  const auto amount = [&](int i) { return static_cast<uint32_t>(values[i]); };
  return Border{amount(2), amount(3), amount(4), amount(5)};
}

/// Whether every window of this axis still reaches the image, as the kernels want it.
bool WindowsReach(const ConvOptions& options, uint32_t input, uint32_t before, uint32_t after,
                  uint32_t kernel, uint32_t stride, uint32_t dilation) {
  const auto window =
      PlaceWindow(options.padding, input + before + after, kernel, stride, dilation);
  if (!window.ok()) return false;
  const uint64_t pad = uint64_t{window->pad} + before;
  return pad <= uint64_t{kernel - 1} * dilation &&
         uint64_t{window->output - 1} * stride < input + pad;
}

/// Whether `op` is a convolution of `padded` that can do the padding itself.
bool CanTake(const Graph& graph, const Op& op, int32_t padded, const Tensor& image,
             const Border& border) {
  const bool is_conv = op.builtin == static_cast<int32_t>(Builtin::kConv2D) ||
                       op.builtin == static_cast<int32_t>(Builtin::kDepthwiseConv2D);
  if (!is_conv || op.inputs.size() < 2 || op.inputs[0] != padded || op.inputs[1] < 0 ||
      op.inputs[1] == padded || image.shape.size() != 4) {
    return false;
  }
  const Tensor& weights = graph.tensor(op.inputs[1]);
  if (weights.shape.size() != 4) return false;
  const auto& options = std::get<ConvOptions>(op.options);
  return WindowsReach(options, image.shape[1], border.top + options.pad_top,
                      border.bottom + options.pad_bottom, weights.shape[1], options.stride_h,
                      options.dilation_h) &&
         WindowsReach(options, image.shape[2], border.left + options.pad_left,
                      border.right + options.pad_right, weights.shape[2], options.stride_w,
                      options.dilation_w);
}

}  // namespace

std::vector<PassNote> FoldPad(Graph& graph) {
  std::vector<PassNote> notes;
  std::vector<bool> gone(graph.ops.size());
  const Readers readers(graph);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& pad = graph.ops[i];
    if (pad.builtin != static_cast<int32_t>(Builtin::kPad)) continue;
    const std::optional<Border> border = ReadBorder(graph, pad);
    const int32_t padded = pad.outputs[0];
    if (!border || readers.is_output(padded) || readers.of(padded).empty()) continue;
    const Tensor& image = graph.tensor(pad.inputs[0]);
    const bool all_can = !image.constant && QuantizedAlike(image, graph.tensor(padded)) &&
                         std::ranges::all_of(readers.of(padded), [&](size_t reader) {
                           return CanTake(graph, graph.ops[reader], padded, image, *border);
                         });
    if (!all_can) continue;
    for (size_t reader : readers.of(padded)) {
      Op& conv = graph.ops[reader];
      conv.inputs[0] = pad.inputs[0];
      auto& options = std::get<ConvOptions>(conv.options);
      options.pad_top += border->top;
      options.pad_bottom += border->bottom;
      options.pad_left += border->left;
      options.pad_right += border->right;
      notes.push_back({"fold_pad", pad.tflite_index,
                       fmt::format("{} became padding of {}", pad.Describe(), conv.Describe())});
    }
    gone[i] = true;
  }
  RemoveOps(graph, gone);
  return notes;
}

}  // namespace tinyrig::compiler
