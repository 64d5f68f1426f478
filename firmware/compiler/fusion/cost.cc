#include "firmware/compiler/fusion/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "firmware/compiler/fusion/rows.h"

namespace tinyrig::compiler {
namespace {

/// Rows of each layer's input in the first iteration, and the iterations' step there. Unlike
/// TileHeights() this ignores where maps end.
struct PublishedTiles {
  std::vector<int64_t> height;  ///< Entry l - first, and one for the output.
  int64_t step = 1;             ///< Rows of the block's input from one iteration to the next.
};

PublishedTiles MakePublishedTiles(const Chain& chain, int32_t first, int32_t last) {
  PublishedTiles tiles;
  tiles.height.assign(static_cast<size_t>(last - first + 2), 1);
  for (int32_t l = last; l >= first; --l) {
    const ChainLayer& layer = chain.layer(l);
    const auto i = static_cast<size_t>(l - first);
    tiles.height[i] = (tiles.height[i + 1] - 1) * layer.stride_h + layer.kernel_h;
    tiles.step *= layer.stride_h;
  }
  return tiles;
}

/// Sum of kernel x rows x channels over the layers. The border rule takes the rows of the last
/// iteration, which has what is padded at the bottom on top of what it computes.
int64_t PublishedCaches(const Chain& chain, int32_t first, int32_t last,
                        const PublishedTiles& tiles, bool border_rule) {
  int64_t sum = 0;
  int64_t start = (chain.Height(first) - tiles.height[0]) / tiles.step * tiles.step;
  int64_t rows = tiles.height[0];
  for (int32_t l = first; l <= last; ++l) {
    const ChainLayer& layer = chain.layer(l);
    const int64_t held = border_rule ? rows : tiles.height[static_cast<size_t>(l - first)];
    sum += int64_t{layer.kernel_w} * held * layer.in_c;
    const int64_t top = start == 0 ? layer.pad_top : 0;
    const int64_t bottom = start + rows >= layer.in_h ? layer.pad_top : 0;
    rows = (rows - layer.kernel_h + top + bottom) / layer.stride_h + 1;
    start /= layer.stride_h;
  }
  return sum;
}

int64_t PublishedMacs(const Chain& chain, int32_t first, int32_t last,
                      const PublishedTiles& tiles) {
  int64_t macs = 0;
  int64_t step = tiles.step;
  for (int32_t l = first; l <= last; ++l) {
    const ChainLayer& layer = chain.layer(l);
    const int64_t rows = tiles.height[static_cast<size_t>(l - first)];
    const int64_t steps = (layer.in_h + 2 * layer.pad_top - rows) / step + 1;
    macs += steps * ((rows - layer.kernel_h) / layer.stride_h + 1) * layer.RowMacs();
    step /= layer.stride_h;
  }
  return macs;
}

int64_t ScratchColumns(const Chain& chain, int32_t first, int32_t last,
                       const PublishedTiles& tiles) {
  int64_t most = 0;
  for (int32_t l = first; l <= last; ++l) {
    const auto i = static_cast<size_t>(l - first);
    most = std::max(
        most, tiles.height[i] * chain.layer(l).in_c + tiles.height[i + 1] * chain.layer(l).out_c);
  }
  return most;
}

/// Columns of residual maps that begin and end inside the block. The block's own input is there
/// anyway.
int64_t InnerSkipBytes(const Chain& chain, int32_t first, int32_t last,
                       const PublishedTiles& tiles) {
  int64_t bytes = 0;
  for (const Skip& skip : chain.skips) {
    if (skip.from <= first || skip.from > last || skip.to > last + 1) continue;
    int64_t columns = 1;
    for (int32_t l = skip.from; l < skip.to; ++l) {
      columns += chain.layer(l).kernel_w - 1 - chain.layer(l).pad_left;
    }
    bytes +=
        columns * tiles.height[static_cast<size_t>(skip.to - first)] * chain.Channels(skip.from);
  }
  return bytes;
}

bool Counted(const Chain& chain, int32_t map, const CostRules& rules) {
  if (map == 0) return rules.input != InputPlace::kElsewhere;
  if (map == chain.size()) return rules.output != OutputPlace::kElsewhere;
  return true;
}

}  // namespace

Result<CostRules> CostPreset(std::string_view name) {
  const CostRules literature = {.published_caches = true, .skips = false, .tile_limit = true};
  if (name == "published") {
    CostRules rules = literature;
    rules.border_rule = true;
    rules.inner_padding = false;
    return rules;
  }
  if (name == "derived") return literature;
  if (name == "exact") {
    return CostRules{.overlap = Overlap::kRows, .alignment = 4};
  }
  return Status(Code::kInvalidArgument,
                fmt::format("there is no cost preset '{}'; presets are {}", name, kCostPresets));
}

int64_t CrossingSkipBytes(const Chain& chain, int32_t first, int32_t last) {
  std::set<int32_t> maps;
  for (const Skip& skip : chain.skips) {
    const bool begun = skip.from < first && skip.to > first;
    const bool begins_inside = skip.from > first && skip.from <= last && skip.to > last + 1;
    if (begun || begins_inside) maps.insert(skip.from);
  }
  int64_t bytes = 0;
  for (const int32_t map : maps) bytes += chain.MapBytes(map);
  return bytes;
}

std::optional<BlockPrice> PricePublishedBlock(const Chain& chain, int32_t first, int32_t last,
                                              const CostRules& rules) {
  BlockPrice price;
  for (const int32_t map : {first, last + 1}) {
    if (Counted(chain, map, rules)) price.ram += chain.MapBytes(map);
  }
  if (rules.skips) price.ram += CrossingSkipBytes(chain, first, last);
  if (first == last) {
    price.macs = chain.layer(first).Macs();
    return price;
  }
  const PublishedTiles tiles = MakePublishedTiles(chain, first, last);
  if (rules.tile_limit && tiles.height[0] > chain.Height(first)) return std::nullopt;
  price.ram += PublishedCaches(chain, first, last, tiles, rules.border_rule);
  if (rules.skips) price.ram += InnerSkipBytes(chain, first, last, tiles);
  if (rules.scratch_columns) price.ram += ScratchColumns(chain, first, last, tiles);
  price.macs = rules.inner_padding ? BlockMacs(chain, first, last, 1)
                                   : PublishedMacs(chain, first, last, tiles);
  return price;
}

}  // namespace tinyrig::compiler
