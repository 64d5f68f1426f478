#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/status/status.h"

/// What the fusion planner plans: layers one after the other over int8 maps, with residual sums.
/// Maps are rows x columns x channels, one byte an element, dense, row-major.
namespace tinyrig::compiler {

enum class LayerKind : uint8_t { kConv, kDepthwise, kPool };

/// A window that moves over rows and columns. Requantisation and activation belong to it, and the
/// residual sums that end at its output.
struct ChainLayer {
  LayerKind kind = LayerKind::kConv;
  int32_t kernel_h = 1;
  int32_t kernel_w = 1;
  int32_t stride_h = 1;
  int32_t stride_w = 1;
  int32_t pad_top = 0;
  int32_t pad_left = 0;
  int32_t in_h = 0;
  int32_t in_w = 0;
  int32_t in_c = 0;
  int32_t out_h = 0;
  int32_t out_w = 0;
  int32_t out_c = 0;

  /// One output pixel needs exactly one input pixel, at the same place.
  bool pointwise() const {
    return kernel_h == 1 && kernel_w == 1 && stride_h == 1 && stride_w == 1;
  }
  /// MACs of one row of the output; pooling has none.
  int64_t RowMacs() const;
  int64_t Macs() const { return RowMacs() * out_h; }
};

/// Map `from` is added to map `to` where the layer before `to` writes it. Both have one shape, and
/// no stride lies between: pixels meet that one window reaches.
struct Skip {
  int32_t from = 0;
  int32_t to = 0;
  auto operator<=>(const Skip&) const = default;
};

/// What follows the last map on the device.
struct ChainTail {
  bool pools = false;   ///< A mean over the whole map comes first: the map can be summed up as it
                        ///< is made.
  int64_t bytes = 0;    ///< The most that lives at once after that.
  std::string follows;  ///< The operator that ends the chain, for people; empty: none.
};

/// Map i is the input of layer i; map size() the output of the last.
struct Chain {
  std::vector<ChainLayer> layers;
  std::vector<Skip> skips;
  ChainTail tail;

  int32_t size() const { return static_cast<int32_t>(layers.size()); }
  const ChainLayer& layer(int32_t i) const { return layers[static_cast<size_t>(i)]; }
  int32_t Height(int32_t map) const { return map < size() ? layer(map).in_h : layers.back().out_h; }
  int32_t Width(int32_t map) const { return map < size() ? layer(map).in_w : layers.back().out_w; }
  int32_t Channels(int32_t map) const {
    return map < size() ? layer(map).in_c : layers.back().out_c;
  }
  int64_t RowBytes(int32_t map) const { return int64_t{Width(map)} * Channels(map); }
  int64_t MapBytes(int32_t map) const { return RowBytes(map) * Height(map); }
  int64_t Macs() const;
};

/// Longer chains are refused: planning time grows with more than the square.
inline constexpr int32_t kMaxChainLayers = 512;

/// Checks that sizes are positive and follow from each other, that every window reaches the map,
/// and that skips join maps of one shape without a stride between. Errors: kInvalidArgument naming
/// the layer or the skip.
Status CheckChain(const Chain& chain);

/// Appends layers with symmetric padding of k/2, as most published nets have.
class ChainBuilder {
 public:
  ChainBuilder(int32_t height, int32_t width, int32_t channels);
  void Conv(int32_t out_c, int32_t kernel, int32_t stride);
  void Depthwise(int32_t kernel, int32_t stride);
  void Pool(int32_t kernel, int32_t stride);
  /// Expand (1x1), depthwise, project (1x1), and the sum with its input when shapes allow.
  void InvertedResidual(int32_t out_c, int32_t expansion, int32_t stride, int32_t kernel);
  /// The chain so far, with a mean over the last map and a dense layer of `classes` after it.
  Chain Finish(int32_t classes) &&;
  int32_t map() const { return chain_.size(); }
  void AddSkip(int32_t from) { chain_.skips.push_back({from, map()}); }

 private:
  void Append(LayerKind kind, int32_t out_c, int32_t kernel, int32_t stride);

  Chain chain_;
  int32_t height_;
  int32_t width_;
  int32_t channels_;
};

}  // namespace tinyrig::compiler
