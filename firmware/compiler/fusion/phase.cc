#include "firmware/compiler/fusion/phase.h"

#include <algorithm>

namespace tinyrig::compiler {
namespace {

int32_t TileCountOf(const Chain& chain, const FusedBlock& block) {
  return TileCount(chain.Height(block.last + 1), block.height);
}

RowSpan TileOf(const Chain& chain, const FusedBlock& block, int32_t i) {
  return TileRows(chain.Height(block.last + 1), block.height, i);
}

/// Rows of `map` that iteration `i` of the block touches.
RowSpan RowsAt(const Chain& chain, const FusedBlock& block, int32_t map, int32_t i) {
  return InputRows(chain, map, block.last, TileOf(chain, block, i));
}

/// Bytes of the input that are dead once the rows before `row` are.
int64_t BytesBefore(const Chain& chain, int32_t map, int32_t row) {
  return row * chain.RowBytes(map);
}

/// The first row that the iteration after `i` reads; all rows when there is none.
int32_t NextFirstRow(const Chain& chain, const FusedBlock& block, int32_t i) {
  if (i + 1 >= TileCountOf(chain, block)) return chain.Height(block.first);
  return RowsAt(chain, block, block.first, i + 1).lo;
}

int64_t RowOverlap(const Chain& chain, const FusedBlock& block) {
  int64_t most = 0;
  for (int32_t i = 0; i < TileCountOf(chain, block); ++i) {
    const RowSpan out = TileOf(chain, block, i);
    // Channel slices write when all of the iteration's input has been read.
    const int32_t alive = block.mode == BlockMode::kChannels
                              ? NextFirstRow(chain, block, i)
                              : RowsAt(chain, block, block.first, i).lo;
    most = std::max(most, BytesBefore(chain, block.last + 1, out.hi + 1) -
                              BytesBefore(chain, block.first, alive));
  }
  return most;
}

/// Columns of the block's input that are dead once output column x is made; all of them when the
/// sweep has pulled the last one.
std::vector<int32_t> DeadColumns(const Chain& chain, const FusedBlock& block) {
  const ChainLayer& first = chain.layer(block.first);
  std::vector<int32_t> dead(static_cast<size_t>(chain.Width(block.last + 1)));
  for (size_t x = 0; x < dead.size(); ++x) {
    auto column = static_cast<int32_t>(x);
    for (int32_t l = block.last; l > block.first; --l) {
      const ChainLayer& layer = chain.layer(l);
      column = std::min(layer.in_w, InputColumnsEnd(layer, column)) - 1;
    }
    dead[x] = std::clamp((column + 1) * first.stride_w - first.pad_left, 0, first.in_w);
    if (column == first.out_w - 1) dead[x] = first.in_w;
  }
  return dead;
}

/// A sum from the block's input reads behind the sweep unless the rows it reads live on anyway.
bool SkipReadsDyingRow(const Chain& chain, const FusedBlock& block) {
  return std::ranges::any_of(chain.skips, [&](const Skip& skip) {
    if (skip.from != block.first || skip.to > block.last + 1) return false;
    for (int32_t l = skip.from; l < skip.to; ++l) {
      if (chain.layer(l).pad_top > 0) return false;
    }
    return true;
  });
}

int64_t PixelOverlap(const Chain& chain, const FusedBlock& block) {
  const std::vector<int32_t> dead = DeadColumns(chain, block);
  const int64_t in_c = chain.Channels(block.first);
  const int64_t out_c = chain.Channels(block.last + 1);
  const int64_t out_row = chain.RowBytes(block.last + 1);
  int64_t most = 0;
  for (int32_t y = 0; y < chain.Height(block.last + 1); ++y) {
    const int32_t lo = RowsAt(chain, block, block.first, y).lo;
    const int32_t next = NextFirstRow(chain, block, y);
    for (size_t x = 0; x < dead.size(); ++x) {
      const int64_t written = y * out_row + static_cast<int64_t>(x + 1) * out_c;
      const bool swept = dead[x] == chain.Width(block.first);
      int64_t alive = BytesBefore(chain, block.first, swept ? next : lo);
      if (!swept && next > lo) alive += dead[x] * in_c;
      most = std::max(most, written - alive);
    }
  }
  return most;
}

}  // namespace

int32_t RingRows(const Chain& chain, const FusedBlock& consumer, int32_t producer_height) {
  const int32_t height = chain.Height(consumer.first);
  const int32_t last = TileCountOf(chain, consumer) - 1;
  if (RowsAt(chain, consumer, consumer.first, last).hi != height - 1) return 0;
  int32_t most = 0;
  for (int32_t i = 0; i < TileCountOf(chain, consumer); ++i) {
    const RowSpan rows = RowsAt(chain, consumer, consumer.first, i);
    const int32_t made = TileCount(rows.hi + 1, producer_height) * producer_height;
    most = std::max(most, std::min(height, made) - rows.lo);
  }
  return most;
}

SkipDemand BeginDemand(const Chain& chain, const Skip& skip, const FusedBlock& block) {
  SkipDemand demand{.skip = skip, .rows = {}};
  for (int32_t i = 0; i < TileCountOf(chain, block); ++i) {
    demand.rows.push_back(
        {RowsAt(chain, block, skip.to, i).lo, RowsAt(chain, block, block.first, i).hi});
  }
  return demand;
}

SkipDemand ThroughProducer(const Chain& chain, SkipDemand demand, const FusedBlock& producer) {
  for (RowSpan& rows : demand.rows) {
    rows.hi = RowsAt(chain, producer, producer.first, rows.hi / producer.height).hi;
  }
  return demand;
}

int32_t SkipRingRows(const Chain& chain, const SkipDemand& demand, const FusedBlock& producer) {
  int32_t most = 0;
  for (const RowSpan& rows : demand.rows) {
    const int32_t i = rows.hi / producer.height;
    most = std::max(most, RowsAt(chain, producer, demand.skip.from, i).hi + 1 - rows.lo);
  }
  return most;
}

int64_t OverlapOfOne(const Chain& chain, const FusedBlock& block, Overlap overlap) {
  const int64_t whole = chain.MapBytes(block.last + 1);
  if (overlap == Overlap::kNone || block.mode == BlockMode::kPatch) return whole;
  const bool by_pixel = overlap == Overlap::kPixels && block.height == 1 &&
                        block.mode == BlockMode::kColumns && !SkipReadsDyingRow(chain, block);
  return std::min(whole, by_pixel ? PixelOverlap(chain, block) : RowOverlap(chain, block));
}

int64_t OverlapOfSeveral(const Chain& chain, const FusedBlock& first, int32_t end,
                         Overlap overlap) {
  const int64_t whole = chain.MapBytes(end);
  if (overlap == Overlap::kNone) return whole;
  int64_t most = 0;
  for (int32_t y = 0; y < chain.Height(end); ++y) {
    const int32_t pulled = InputRows(chain, first.last + 1, end - 1, {y, y}).hi;
    const int32_t alive = NextFirstRow(chain, first, pulled / first.height);
    most = std::max(most, BytesBefore(chain, end, y + 1) - BytesBefore(chain, first.first, alive));
  }
  return std::min(whole, most);
}

bool InputOutlives(const Chain& chain, int32_t begin, int32_t end) {
  return std::ranges::any_of(chain.skips,
                             [&](const Skip& skip) { return skip.from == begin && skip.to > end; });
}

std::vector<int32_t> KeptMaps(const Chain& chain, int32_t begin, int32_t end,
                              const CostRules& rules) {
  std::vector<int32_t> maps;
  if (!rules.skips) return maps;
  for (int32_t map = 0; map < end; ++map) {
    const bool kept = std::ranges::any_of(chain.skips, [&](const Skip& skip) {
      return skip.from == map && (map < begin ? skip.to > begin : map > begin && skip.to > end);
    });
    const bool elsewhere = map == 0 && rules.input == InputPlace::kElsewhere;
    // Rows and slabs are gone when they have been read: the first phase copies them.
    const bool copied = map == 0 && begin == 0 && InputOutlives(chain, 0, end) &&
                        (rules.input == InputPlace::kRows || rules.input == InputPlace::kSlabs);
    if ((kept && !elsewhere) || copied) maps.push_back(map);
  }
  return maps;
}

int64_t KeptMapBytes(const Chain& chain, int32_t begin, int32_t end, const CostRules& rules) {
  int64_t bytes = 0;
  for (const int32_t map : KeptMaps(chain, begin, end, rules)) {
    bytes += AlignUp(chain.MapBytes(map), rules.alignment);
  }
  return bytes;
}

int64_t InputBytes(const Chain& chain, const FusedBlock& block, const CostRules& rules) {
  const int64_t rows = TileHeights(chain, block.first, block.last, block.height).front();
  switch (rules.input) {
    case InputPlace::kElsewhere:
      return 0;
    case InputPlace::kResident:
      return chain.MapBytes(0);
    case InputPlace::kRows:
      return rows * chain.RowBytes(0);
    case InputPlace::kSlabs:
      return (chain.layer(0).kernel_w + 1) * rows * chain.Channels(0);
  }
  return 0;
}

bool BlockPossible(const Chain& chain, const FusedBlock& block, const CostRules& rules) {
  if (block.mode == BlockMode::kChannels && !CanSliceChannels(chain, block.first, block.last)) {
    return false;
  }
  if (block.first != 0 || rules.input != InputPlace::kSlabs) return true;
  return block.mode == BlockMode::kColumns &&
         std::ranges::none_of(chain.skips, [](const Skip& skip) { return skip.from == 0; });
}

bool PoolsByChannel(const Chain& chain, const FusedBlock& first, int32_t end, bool several,
                    const CostRules& rules) {
  const auto ends_here = [&](const Skip& skip) { return skip.to == end; };
  return end == chain.size() && !several && first.first == first.last && first.first != 0 &&
         chain.layer(first.first).kind == LayerKind::kConv &&
         chain.layer(first.first).pointwise() && rules.output == OutputPlace::kPooled &&
         chain.tail.pools && std::ranges::none_of(chain.skips, ends_here);
}

int64_t MapsBytes(const Chain& chain, const FusedBlock& first, int32_t end, bool several,
                  const CostRules& rules) {
  const int32_t begin = first.first;
  const bool is_map = begin != 0 || rules.input == InputPlace::kResident;
  const int64_t in = AlignUp(begin == 0 ? InputBytes(chain, first, rules) : chain.MapBytes(begin),
                             rules.alignment);
  if (end == chain.size() && rules.output == OutputPlace::kElsewhere) return in;
  if (end == chain.size() && rules.output == OutputPlace::kPooled && chain.tail.pools) {
    const int64_t channels = chain.Channels(end);
    const bool by_channel = PoolsByChannel(chain, first, end, several, rules);
    return in + AlignUp(by_channel ? channels : 4 * channels, rules.alignment);
  }
  int64_t apart = chain.MapBytes(end);
  if (is_map && !InputOutlives(chain, begin, end)) {
    apart = several ? OverlapOfSeveral(chain, first, end, rules.overlap)
                    : OverlapOfOne(chain, first, rules.overlap);
  }
  return in + AlignUp(apart, rules.alignment);
}

}  // namespace tinyrig::compiler
