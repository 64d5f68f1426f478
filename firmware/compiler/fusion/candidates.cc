#include "firmware/compiler/fusion/candidates.h"

#include <algorithm>
#include <set>

#include "firmware/compiler/fusion/rows.h"

namespace tinyrig::compiler {

Candidates::Candidates(const Chain& chain, const CostRules& rules, const Family& family,
                       int64_t ram_limit)
    : chain_(chain),
      rules_(rules),
      family_(family),
      ram_limit_(ram_limit),
      by_last_(static_cast<size_t>(chain.size())) {
  const std::vector<int64_t> needed = NeededMacs(chain);
  for (int32_t last = 0; last < chain.size(); ++last) {
    const int32_t rows = chain.Height(last + 1);
    std::set<int32_t> heights;
    for (const int32_t height : family.heights) heights.insert(std::min(height, rows));
    if (family.rings) {
      for (const int32_t height : family.ring_heights) heights.insert(std::min(height, rows));
    }
    if (family.whole_height) heights.insert(rows);
    for (const int32_t height : heights) {
      // From the last layer up, each tile's rows and MACs carried along.
      std::vector<RowSpan> tiles;
      for (int32_t i = 0; i < TileCount(rows, height); ++i) {
        tiles.push_back(TileRows(rows, height, i));
      }
      int64_t excess = 0;
      for (int32_t first = last; first >= 0 && last - first < kMaxBlockLayers; --first) {
        const ChainLayer& layer = chain.layer(first);
        excess -= needed[static_cast<size_t>(first)];
        for (RowSpan& tile : tiles) {
          excess += layer.RowMacs() * tile.count();
          tile = InputRows(layer, tile);
        }
        const size_t before = all_.size();
        Add({.first = first, .last = last, .height = height}, excess);
        const bool fits = all_.size() > before;
        if (family.channel_slices) {
          Add({.first = first, .last = last, .height = height, .mode = BlockMode::kChannels},
              excess);
        }
        // Caches only grow with depth.
        if (!fits && last > first + 2) break;
      }
    }
  }
}

void Candidates::Add(const FusedBlock& block, int64_t excess) {
  if (!BlockPossible(chain_, block, rules_)) return;
  Candidate candidate{.block = block, .excess = excess};
  candidate.cache = CacheBytes(chain_, block, rules_.alignment);
  if (candidate.cache > ram_limit_) return;
  const int32_t rows = chain_.Height(block.last + 1);
  const auto has = [&](const std::vector<int32_t>& heights) {
    return std::ranges::find(heights, block.height);
  };
  candidate.can_end = has(family_.heights) != family_.heights.end() ||
                      (family_.whole_height && block.height == rows);
  const auto feeding = has(family_.ring_heights);
  candidate.can_feed = family_.rings && feeding != family_.ring_heights.end();
  candidate.height_index = static_cast<int32_t>(feeding - family_.ring_heights.begin());
  if (!candidate.can_end && !candidate.can_feed) return;
  if (family_.rings && block.first > 0) candidate.ring_class = RingClass(block);
  by_last_[static_cast<size_t>(block.last)].push_back(static_cast<int32_t>(all_.size()));
  all_.push_back(candidate);
}

int32_t Candidates::RingClass(const FusedBlock& block) {
  std::vector<int64_t> bytes;
  for (const int32_t height : family_.ring_heights) {
    const int32_t rows = RingRows(chain_, block, height);
    if (rows == 0) return -1;
    bytes.push_back(AlignUp(rows * chain_.RowBytes(block.first), rules_.alignment));
  }
  std::vector<int64_t> key = bytes;
  key.push_back(block.first);
  const auto [found, is_new] =
      classes_.try_emplace(std::move(key), static_cast<int32_t>(ring_bytes_.size()));
  if (is_new) ring_bytes_.push_back(std::move(bytes));
  return found->second;
}

}  // namespace tinyrig::compiler
