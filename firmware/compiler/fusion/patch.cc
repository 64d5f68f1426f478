#include "firmware/compiler/fusion/patch.h"

#include <algorithm>

#include "firmware/compiler/fusion/rows.h"
#include "firmware/compiler/memory_planner.h"

namespace tinyrig::compiler {
namespace {

constexpr uint64_t kWord = 4;

/// Columns that a patch of `width` needs of every map, as TileHeights() of rows.
std::vector<int32_t> TileWidths(const Chain& chain, const FusedBlock& block) {
  std::vector<int32_t> widths(static_cast<size_t>(block.last - block.first + 2));
  widths.back() = std::min(block.width, chain.Width(block.last + 1));
  for (int32_t l = block.last; l >= block.first; --l) {
    const ChainLayer& layer = chain.layer(l);
    const auto i = static_cast<size_t>(l - block.first);
    widths[i] = std::min(layer.in_w, (widths[i + 1] - 1) * layer.stride_w + layer.kernel_w);
  }
  return widths;
}

RowSpan InputColumns(const ChainLayer& layer, RowSpan out) {
  return {std::max(0, out.lo * layer.stride_w - layer.pad_left),
          std::min(layer.in_w, InputColumnsEnd(layer, out.hi)) - 1};
}

/// The layer, counted from the block's first, that is the last to read the map.
int32_t LastReader(const Chain& chain, const FusedBlock& block, int32_t map) {
  int32_t last = map;
  for (const Skip& skip : chain.skips) {
    if (skip.from == map && skip.to <= block.last + 1) last = std::max(last, skip.to - 1);
  }
  return last - block.first;
}

int64_t MacsOfPatch(const Chain& chain, const FusedBlock& block, RowSpan rows, RowSpan columns) {
  int64_t macs = 0;
  for (int32_t l = block.last; l >= block.first; --l) {
    const ChainLayer& layer = chain.layer(l);
    macs += layer.RowMacs() / layer.out_w * rows.count() * columns.count();
    rows = InputRows(layer, rows);
    columns = InputColumns(layer, columns);
  }
  return macs;
}

}  // namespace

PatchMaps LayOutPatch(const Chain& chain, const FusedBlock& block) {
  const std::vector<int32_t> heights = TileHeights(chain, block.first, block.last, block.height);
  const std::vector<int32_t> widths = TileWidths(chain, block);
  PatchMaps patch;
  std::vector<Lifetime> lives;
  for (int32_t map = block.first + 1; map <= block.last; ++map) {
    const auto i = static_cast<size_t>(map - block.first);
    const int64_t bytes = int64_t{heights[i]} * widths[i] * chain.Channels(map);
    patch.maps.push_back({.kind = PartKind::kPatchMap,
                          .map = map,
                          .columns = widths[i],
                          .rows = heights[i],
                          .bytes = bytes});
    lives.push_back({.bytes = static_cast<uint64_t>(bytes),
                     .first = static_cast<uint32_t>(map - 1 - block.first),
                     .last = static_cast<uint32_t>(LastReader(chain, block, map))});
  }
  if (lives.empty()) return patch;
  const MemoryPlan places = PlanMemory(lives, kWord);
  for (size_t i = 0; i < lives.size(); ++i) {
    patch.maps[i].offset = static_cast<int64_t>(places.offsets[i]);
  }
  patch.bytes = static_cast<int64_t>(places.bytes);
  return patch;
}

int64_t PatchMacs(const Chain& chain, const FusedBlock& block) {
  const int32_t rows = chain.Height(block.last + 1);
  const int32_t columns = chain.Width(block.last + 1);
  int64_t macs = 0;
  for (int32_t y = 0; y < TileCount(rows, block.height); ++y) {
    for (int32_t x = 0; x < TileCount(columns, block.width); ++x) {
      macs += MacsOfPatch(chain, block, TileRows(rows, block.height, y),
                          TileRows(columns, block.width, x));
    }
  }
  return macs;
}

}  // namespace tinyrig::compiler
