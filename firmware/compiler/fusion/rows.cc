#include "firmware/compiler/fusion/rows.h"

#include <algorithm>

namespace tinyrig::compiler {

RowSpan InputRows(const ChainLayer& layer, RowSpan out) {
  return {std::max(0, out.lo * layer.stride_h - layer.pad_top),
          std::min(layer.in_h, out.hi * layer.stride_h - layer.pad_top + layer.kernel_h) - 1};
}

RowSpan InputRows(const Chain& chain, int32_t first, int32_t last, RowSpan out) {
  for (int32_t l = last; l >= first; --l) out = InputRows(chain.layer(l), out);
  return out;
}

int32_t InputColumnsEnd(const ChainLayer& layer, int32_t column) {
  return column * layer.stride_w - layer.pad_left + layer.kernel_w;
}

int32_t TileCount(int32_t rows, int32_t height) { return (rows + height - 1) / height; }

RowSpan TileRows(int32_t rows, int32_t height, int32_t i) {
  return {i * height, std::min(rows, (i + 1) * height) - 1};
}

std::vector<int32_t> TileHeights(const Chain& chain, int32_t first, int32_t last, int32_t height) {
  std::vector<int32_t> heights(static_cast<size_t>(last - first + 2));
  heights.back() = std::min(height, chain.Height(last + 1));
  for (int32_t l = last; l >= first; --l) {
    const ChainLayer& layer = chain.layer(l);
    const auto i = static_cast<size_t>(l - first);
    heights[i] = std::min(layer.in_h, (heights[i + 1] - 1) * layer.stride_h + layer.kernel_h);
  }
  return heights;
}

std::vector<int64_t> NeededMacs(const Chain& chain) {
  std::vector<int64_t> macs(chain.layers.size());
  std::vector<bool> needed(static_cast<size_t>(chain.Height(chain.size())), true);
  for (int32_t l = chain.size() - 1; l >= 0; --l) {
    const ChainLayer& layer = chain.layer(l);
    macs[static_cast<size_t>(l)] = layer.RowMacs() * std::ranges::count(needed, true);
    std::vector<bool> before(static_cast<size_t>(layer.in_h));
    for (int32_t y = 0; y < layer.out_h; ++y) {
      if (!needed[static_cast<size_t>(y)]) continue;
      const RowSpan rows = InputRows(layer, {y, y});
      std::fill(before.begin() + rows.lo, before.begin() + rows.hi + 1, true);
    }
    needed = std::move(before);
  }
  return macs;
}

int64_t BlockMacs(const Chain& chain, int32_t first, int32_t last, int32_t height) {
  const int32_t rows = chain.Height(last + 1);
  int64_t macs = 0;
  for (int32_t i = 0; i < TileCount(rows, height); ++i) {
    RowSpan span = TileRows(rows, height, i);
    for (int32_t l = last; l >= first; --l) {
      macs += chain.layer(l).RowMacs() * span.count();
      span = InputRows(chain.layer(l), span);
    }
  }
  return macs;
}

}  // namespace tinyrig::compiler
