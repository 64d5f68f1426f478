#pragma once

#include <cstdint>
#include <vector>

#include "firmware/compiler/fusion/chain.h"

/// Which rows a block touches. A block is layers first..last, run in iterations of `height` rows of
/// its output (the last may be shorter); every iteration pulls the rows it needs through all its
/// layers. Rows beyond a map's border are constants: nobody computes or keeps them.
namespace tinyrig::compiler {

/// Rows lo..hi of a map, both included.
struct RowSpan {
  int32_t lo = 0;
  int32_t hi = 0;

  int32_t count() const { return hi - lo + 1; }
  auto operator<=>(const RowSpan&) const = default;
};

/// The rows of its input that a layer reads for these rows of its output.
RowSpan InputRows(const ChainLayer& layer, RowSpan out);

/// The same through layers first..last.
RowSpan InputRows(const Chain& chain, int32_t first, int32_t last, RowSpan out);

/// The column of its input after the last one read for output columns up to `column`; may lie
/// beyond the map's last column, never does for the first ones before its first.
int32_t InputColumnsEnd(const ChainLayer& layer, int32_t column);

/// The output rows of iteration `i` of a map of `rows` rows in tiles of `height`.
RowSpan TileRows(int32_t rows, int32_t height, int32_t i);
int32_t TileCount(int32_t rows, int32_t height);

/// Rows that an iteration holds of maps first..last+1 (entry 0 is map `first`), no more than the
/// map has: t = (t_next - 1) * stride + kernel, from `height` up.
std::vector<int32_t> TileHeights(const Chain& chain, int32_t first, int32_t last, int32_t height);

/// MACs of each layer for the rows that the last map needs, each computed once: no plan has fewer.
/// A window with a stride may leave rows of its input unread; layer by layer they are computed.
std::vector<int64_t> NeededMacs(const Chain& chain);

/// MACs of a block: what its iterations compute, rows of overlap as often as they are needed.
int64_t BlockMacs(const Chain& chain, int32_t first, int32_t last, int32_t height);

}  // namespace tinyrig::compiler
