#include "firmware/compiler/fusion/graph_layer.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "firmware/compiler/lowering/quantize.h"

namespace tinyrig::compiler {
namespace {

bool Is(const Op& op, Builtin builtin) { return op.builtin == static_cast<int32_t>(builtin); }

bool IsMap(const Graph& graph, int32_t index) {
  if (index < 0) return false;
  const Tensor& tensor = graph.tensor(index);
  return !tensor.constant && tensor.type == DataType::kInt8 && tensor.shape.size() == 4 &&
         tensor.shape[0] == 1;
}

int32_t Dim(const Tensor& tensor, size_t axis) { return static_cast<int32_t>(tensor.shape[axis]); }

/// A layer with the sizes of its maps.
ChainLayer Sized(const Graph& graph, const Op& op, LayerKind kind) {
  const Tensor& in = graph.tensor(op.inputs[0]);
  const Tensor& out = graph.tensor(op.outputs[0]);
  ChainLayer layer;
  layer.kind = kind;
  layer.in_h = Dim(in, 1);
  layer.in_w = Dim(in, 2);
  layer.in_c = Dim(in, 3);
  layer.out_h = Dim(out, 1);
  layer.out_w = Dim(out, 2);
  layer.out_c = Dim(out, 3);
  return layer;
}

/// Where windows begin, when they give the map's size.
std::optional<int32_t> Pad(Padding padding, int32_t in, uint32_t before, uint32_t after,
                           int32_t kernel, int32_t stride, int32_t out) {
  const auto window = PlaceWindow(padding, static_cast<uint32_t>(in) + before + after,
                                  static_cast<uint32_t>(kernel), static_cast<uint32_t>(stride), 1);
  if (!window.ok() || static_cast<int32_t>(window->output) != out) return std::nullopt;
  return static_cast<int32_t>(window->pad + before);
}

std::optional<ChainLayer> ConvLayer(const Graph& graph, const Op& op, LayerKind kind) {
  if (op.inputs.size() < 2 || op.inputs[1] < 0) return std::nullopt;
  const Tensor& weights = graph.tensor(op.inputs[1]);
  const auto* options = std::get_if<ConvOptions>(&op.options);
  if (options == nullptr || weights.shape.size() != 4) return std::nullopt;
  ChainLayer layer = Sized(graph, op, kind);
  const bool grouped = kind == LayerKind::kConv && Dim(weights, 3) != layer.in_c;
  if (grouped || options->dilation_h != 1 || options->dilation_w != 1) return std::nullopt;
  layer.kernel_h = Dim(weights, 1);
  layer.kernel_w = Dim(weights, 2);
  layer.stride_h = static_cast<int32_t>(options->stride_h);
  layer.stride_w = static_cast<int32_t>(options->stride_w);
  const auto top = Pad(options->padding, layer.in_h, options->pad_top, options->pad_bottom,
                       layer.kernel_h, layer.stride_h, layer.out_h);
  const auto left = Pad(options->padding, layer.in_w, options->pad_left, options->pad_right,
                        layer.kernel_w, layer.stride_w, layer.out_w);
  if (!top || !left) return std::nullopt;
  layer.pad_top = *top;
  layer.pad_left = *left;
  return layer;
}

std::optional<ChainLayer> PoolLayer(const Graph& graph, const Op& op) {
  const auto* options = std::get_if<PoolOptions>(&op.options);
  if (options == nullptr) return std::nullopt;
  ChainLayer layer = Sized(graph, op, LayerKind::kPool);
  layer.kernel_h = static_cast<int32_t>(options->kernel_h);
  layer.kernel_w = static_cast<int32_t>(options->kernel_w);
  layer.stride_h = static_cast<int32_t>(options->stride_h);
  layer.stride_w = static_cast<int32_t>(options->stride_w);
  const auto top =
      Pad(options->padding, layer.in_h, 0, 0, layer.kernel_h, layer.stride_h, layer.out_h);
  const auto left =
      Pad(options->padding, layer.in_w, 0, 0, layer.kernel_w, layer.stride_w, layer.out_w);
  if (!top || !left) return std::nullopt;
  layer.pad_top = *top;
  layer.pad_left = *left;
  return layer;
}

/// Whether a reduction's axes are the rows and the columns of a map of rank 4.
bool ReducesMap(const Tensor& axes) {
  if (!axes.constant || axes.type != DataType::kInt32 || axes.ElementCount() != 2) return false;
  int32_t values[2];
  std::memcpy(values, axes.constant->data(), sizeof(values));
  for (int32_t& value : values) value = value < 0 ? value + 4 : value;
  return std::min(values[0], values[1]) == 1 && std::max(values[0], values[1]) == 2;
}

}  // namespace

std::optional<ChainLayer> LayerOf(const Graph& graph, const Op& op) {
  const bool maps = !op.inputs.empty() && op.outputs.size() == 1 && IsMap(graph, op.inputs[0]) &&
                    IsMap(graph, op.outputs[0]);
  if (!maps || PoolsWholeMap(graph, op)) return std::nullopt;
  std::optional<ChainLayer> layer;
  if (Is(op, Builtin::kConv2D)) layer = ConvLayer(graph, op, LayerKind::kConv);
  if (Is(op, Builtin::kDepthwiseConv2D)) layer = ConvLayer(graph, op, LayerKind::kDepthwise);
  if (Is(op, Builtin::kAveragePool2D) || Is(op, Builtin::kMaxPool2D)) layer = PoolLayer(graph, op);
  if (layer && !CheckChain({.layers = {*layer}, .skips = {}, .tail = {}}).ok()) layer.reset();
  return layer;
}

bool PoolsWholeMap(const Graph& graph, const Op& op) {
  if (op.inputs.empty() || !IsMap(graph, op.inputs[0])) return false;
  if (Is(op, Builtin::kMean)) {
    return op.inputs.size() == 2 && op.inputs[1] >= 0 && ReducesMap(graph.tensor(op.inputs[1]));
  }
  if (!Is(op, Builtin::kAveragePool2D) || op.outputs.size() != 1) return false;
  const Tensor& out = graph.tensor(op.outputs[0]);
  const auto* options = std::get_if<PoolOptions>(&op.options);
  const Tensor& in = graph.tensor(op.inputs[0]);
  return options != nullptr && out.shape.size() == 4 && out.shape[1] == 1 && out.shape[2] == 1 &&
         options->kernel_h == in.shape[1] && options->kernel_w == in.shape[2];
}

bool IsView(const Op& op) {
  return Is(op, Builtin::kReshape) || Is(op, Builtin::kSqueeze) || Is(op, Builtin::kExpandDims);
}

}  // namespace tinyrig::compiler
