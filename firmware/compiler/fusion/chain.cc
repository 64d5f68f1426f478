#include "firmware/compiler/fusion/chain.h"

#include <fmt/format.h>

#include <algorithm>

namespace tinyrig::compiler {
namespace {

constexpr int32_t kMaxExtent = 1 << 16;

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

/// The first window starts at -pad, the last must begin inside the map, and no window may lie
/// wholly before it.
bool WindowsFit(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t pad) {
  return pad >= 0 && pad < kernel && int64_t{out - 1} * stride - pad < in;
}

Status CheckLayer(const ChainLayer& layer, int32_t index) {
  for (const int32_t value :
       {layer.kernel_h, layer.kernel_w, layer.stride_h, layer.stride_w, layer.in_h, layer.in_w,
        layer.in_c, layer.out_h, layer.out_w, layer.out_c}) {
    if (value < 1 || value > kMaxExtent) {
      return Invalid(
          fmt::format("layer {} has a size of {}; sizes are 1 to {}", index, value, kMaxExtent));
    }
  }
  if (!WindowsFit(layer.in_h, layer.out_h, layer.kernel_h, layer.stride_h, layer.pad_top) ||
      !WindowsFit(layer.in_w, layer.out_w, layer.kernel_w, layer.stride_w, layer.pad_left)) {
    return Invalid(fmt::format("layer {} has a window that does not touch its input", index));
  }
  const bool keeps = layer.kind != LayerKind::kConv;
  if (keeps && layer.out_c % layer.in_c != 0) {
    return Invalid(
        fmt::format("layer {} makes {} channels of {}; a depthwise layer makes a "
                    "multiple",
                    index, layer.out_c, layer.in_c));
  }
  return OkStatus();
}

Status CheckSkip(const Chain& chain, const Skip& skip) {
  if (skip.from < 0 || skip.to <= skip.from || skip.to > chain.size()) {
    return Invalid(fmt::format("the skip {}->{} leaves the chain of {} layers", skip.from, skip.to,
                               chain.size()));
  }
  if (chain.Height(skip.from) != chain.Height(skip.to) ||
      chain.Width(skip.from) != chain.Width(skip.to) ||
      chain.Channels(skip.from) != chain.Channels(skip.to)) {
    return Invalid(
        fmt::format("the skip {}->{} joins maps of different shapes", skip.from, skip.to));
  }
  for (int32_t l = skip.from; l < skip.to; ++l) {
    if (chain.layer(l).stride_h == 1 && chain.layer(l).stride_w == 1) continue;
    return Invalid(
        fmt::format("the skip {}->{} goes over the stride of layer {}", skip.from, skip.to, l));
  }
  return OkStatus();
}

}  // namespace

int64_t ChainLayer::RowMacs() const {
  const int64_t window = int64_t{kernel_h} * kernel_w;
  const int64_t outputs = int64_t{out_w} * out_c;
  switch (kind) {
    case LayerKind::kConv:
      return outputs * window * in_c;
    case LayerKind::kDepthwise:
      return outputs * window;
    case LayerKind::kPool:
      break;
  }
  return 0;
}

int64_t Chain::Macs() const {
  int64_t sum = 0;
  for (const ChainLayer& layer : layers) sum += layer.Macs();
  return sum;
}

Status CheckChain(const Chain& chain) {
  if (chain.layers.empty()) return Invalid("the chain has no layer");
  if (chain.size() > kMaxChainLayers) {
    return Invalid(fmt::format("the chain has {} layers; the planner takes {} at most",
                               chain.size(), kMaxChainLayers));
  }
  for (int32_t i = 0; i < chain.size(); ++i) {
    const ChainLayer& layer = chain.layer(i);
    TRY(CheckLayer(layer, i));
    if (i == 0) continue;
    const ChainLayer& before = chain.layer(i - 1);
    if (before.out_h != layer.in_h || before.out_w != layer.in_w || before.out_c != layer.in_c) {
      return Invalid(fmt::format("layer {} reads {}x{}x{}, but layer {} makes {}x{}x{}", i,
                                 layer.in_h, layer.in_w, layer.in_c, i - 1, before.out_h,
                                 before.out_w, before.out_c));
    }
  }
  for (const Skip& skip : chain.skips) TRY(CheckSkip(chain, skip));
  return OkStatus();
}

ChainBuilder::ChainBuilder(int32_t height, int32_t width, int32_t channels)
    : height_(height), width_(width), channels_(channels) {}

void ChainBuilder::Append(LayerKind kind, int32_t out_c, int32_t kernel, int32_t stride) {
  const int32_t pad = kernel / 2;
  const auto out = [&](int32_t in) { return (in + 2 * pad - kernel) / stride + 1; };
  chain_.layers.push_back({.kind = kind,
                           .kernel_h = kernel,
                           .kernel_w = kernel,
                           .stride_h = stride,
                           .stride_w = stride,
                           .pad_top = pad,
                           .pad_left = pad,
                           .in_h = height_,
                           .in_w = width_,
                           .in_c = channels_,
                           .out_h = out(height_),
                           .out_w = out(width_),
                           .out_c = out_c});
  height_ = out(height_);
  width_ = out(width_);
  channels_ = out_c;
}

void ChainBuilder::Conv(int32_t out_c, int32_t kernel, int32_t stride) {
  Append(LayerKind::kConv, out_c, kernel, stride);
}
void ChainBuilder::Depthwise(int32_t kernel, int32_t stride) {
  Append(LayerKind::kDepthwise, channels_, kernel, stride);
}
void ChainBuilder::Pool(int32_t kernel, int32_t stride) {
  Append(LayerKind::kPool, channels_, kernel, stride);
}

void ChainBuilder::InvertedResidual(int32_t out_c, int32_t expansion, int32_t stride,
                                    int32_t kernel) {
  const int32_t start = map();
  const int32_t in_c = channels_;
  Conv(in_c * expansion, 1, 1);
  Depthwise(kernel, stride);
  Conv(out_c, 1, 1);
  if (stride == 1 && in_c == out_c) AddSkip(start);
}

Chain ChainBuilder::Finish(int32_t classes) && {
  chain_.tail = {.pools = true, .bytes = int64_t{channels_} + classes};
  return std::move(chain_);
}

}  // namespace tinyrig::compiler
