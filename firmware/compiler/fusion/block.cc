#include "firmware/compiler/fusion/block.h"

#include <algorithm>

#include "firmware/compiler/fusion/patch.h"
#include "firmware/compiler/fusion/rows.h"

namespace tinyrig::compiler {
namespace {

ArenaPart Part(const Chain& chain, PartKind kind, int32_t map, int32_t columns, int32_t rows) {
  const int64_t elements = int64_t{columns} * rows * chain.Channels(map);
  return {.kind = kind, .map = map, .columns = columns, .rows = rows, .bytes = elements};
}

bool BeginsAndEndsInside(const Skip& skip, int32_t first, int32_t last) {
  return skip.from > first && skip.to <= last + 1;
}

/// Columns that a window keeps of its input; pointwise layers take pixel after pixel.
void AddInnerMaps(const Chain& chain, const FusedBlock& block, const std::vector<int32_t>& heights,
                  std::vector<ArenaPart>& parts) {
  for (int32_t map = block.first + 1; map <= block.last; ++map) {
    const ChainLayer& layer = chain.layer(map);
    if (layer.pointwise()) {
      parts.push_back(Part(chain, PartKind::kPixel, map, 1, 1));
      continue;
    }
    parts.push_back(Part(chain, PartKind::kColumns, map, std::min(layer.kernel_w, layer.in_w),
                         heights[static_cast<size_t>(map - block.first)]));
  }
}

/// A sum's first operand waits for as many columns as the windows between look ahead.
void AddInnerSkips(const Chain& chain, const FusedBlock& block, const std::vector<int32_t>& heights,
                   std::vector<ArenaPart>& parts) {
  for (const Skip& skip : chain.skips) {
    if (!BeginsAndEndsInside(skip, block.first, block.last)) continue;
    int32_t columns = 1;
    for (int32_t l = skip.from; l < skip.to; ++l) {
      columns += chain.layer(l).kernel_w - 1 - chain.layer(l).pad_left;
    }
    ArenaPart part =
        Part(chain, PartKind::kSkipColumns, skip.from, std::min(columns, chain.Width(skip.from)),
             heights[static_cast<size_t>(skip.to - block.first)]);
    part.sum = skip.to;
    parts.push_back(part);
  }
}

std::vector<ArenaPart> ChannelCaches(const Chain& chain, const FusedBlock& block,
                                     const std::vector<int32_t>& heights) {
  const int32_t expanded = block.first + 1;
  const int32_t width = chain.Width(expanded);
  ArenaPart plane = Part(chain, PartKind::kPlane, expanded, width, heights[1]);
  plane.bytes = int64_t{heights[1]} * width;
  ArenaPart sums =
      Part(chain, PartKind::kSums, block.last + 1, chain.Width(block.last + 1), heights.back());
  sums.bytes *= int64_t{sizeof(int32_t)};
  return {plane, sums, Part(chain, PartKind::kStaged, block.last + 1, 1, 1)};
}

/// Layer by layer: all of a patch's maps inside the block.
std::vector<ArenaPart> PatchCaches(const Chain& chain, const FusedBlock& block) {
  std::vector<ArenaPart> parts;
  if (const PatchMaps patch = LayOutPatch(chain, block); patch.bytes > 0) {
    parts.push_back({.kind = PartKind::kPatchMaps, .map = block.first, .bytes = patch.bytes});
  }
  parts.push_back(Part(chain, PartKind::kStaged, block.last + 1, 1, 1));
  return parts;
}

}  // namespace

bool CanSliceChannels(const Chain& chain, int32_t first, int32_t last) {
  if (last != first + 2) return false;
  const ChainLayer& middle = chain.layer(first + 1);
  if (chain.layer(first).kind != LayerKind::kConv || !chain.layer(first).pointwise() ||
      middle.kind != LayerKind::kDepthwise || middle.in_c != middle.out_c ||
      chain.layer(last).kind != LayerKind::kConv || !chain.layer(last).pointwise()) {
    return false;
  }
  return std::ranges::none_of(chain.skips, [&](const Skip& skip) {
    const bool from_inside = skip.from > first && skip.from <= last;
    const bool to_inside = skip.to > first && skip.to <= last;
    return from_inside || to_inside;
  });
}

std::vector<ArenaPart> BlockCaches(const Chain& chain, const FusedBlock& block) {
  if (block.mode == BlockMode::kPatch) return PatchCaches(chain, block);
  const std::vector<int32_t> heights = TileHeights(chain, block.first, block.last, block.height);
  if (block.mode == BlockMode::kChannels) return ChannelCaches(chain, block, heights);
  std::vector<ArenaPart> parts;
  AddInnerMaps(chain, block, heights, parts);
  AddInnerSkips(chain, block, heights, parts);
  parts.push_back(Part(chain, PartKind::kStaged, block.last + 1, 1, 1));
  return parts;
}

int64_t CacheBytes(const Chain& chain, const FusedBlock& block, int32_t alignment) {
  int64_t bytes = 0;
  for (const ArenaPart& part : BlockCaches(chain, block)) bytes += AlignUp(part.bytes, alignment);
  return bytes;
}

int64_t BlockMacs(const Chain& chain, const FusedBlock& block) {
  if (block.mode == BlockMode::kPatch) return PatchMacs(chain, block);
  return BlockMacs(chain, block.first, block.last, block.height);
}

}  // namespace tinyrig::compiler
