#include "firmware/compiler/lowering/fused_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/fusion/notation.h"

namespace tinyrig::compiler {
namespace {

using runtime::FusedPlace;

static_assert(kMaxBlockLayers == runtime::kMaxFusedLayers);

Status NotYet(const FusedBlock& block, std::string_view why) {
  return {Code::kUnimplemented,
          fmt::format("block {} {}, which no firmware executes yet; tinyrig plan --fusion shows "
                      "the plan, and a block list may leave it out",
                      ToString(block), why)};
}

uint16_t Narrow(size_t value) { return static_cast<uint16_t>(value); }

FusedPlace PlaceOf(const ArenaPart& part) {
  FusedPlace place = {.offset = static_cast<uint32_t>(part.offset),
                      .rows = Narrow(static_cast<size_t>(part.rows)),
                      .columns = 0};
  const bool by_columns = part.kind == PartKind::kColumns || part.kind == PartKind::kPixel ||
                          part.kind == PartKind::kSkipColumns ||
                          part.kind == PartKind::kInputSlab || part.kind == PartKind::kPatchMap;
  if (by_columns) place.columns = Narrow(static_cast<size_t>(part.columns));
  return place;
}

class TableMaker {
 public:
  TableMaker(const Chain& chain, const PlannedPhase& phase, const OutsidePlaces& outside,
             const std::vector<uint8_t>& waiting_operands)
      : chain_(chain), phase_(phase), outside_(outside), waiting_operands_(waiting_operands) {}

  Result<FusedTables> Run() {
    for (size_t i = 0; i < chain_.skips.size(); ++i) {
      const int32_t to = chain_.skips[i].to;
      if (to > phase_.begin && to <= phase_.end) tables_.skips.push_back(i);
    }
    TRY(CheckExecutable());
    FindStream();
    tables_.pool = FindPart(phase_, PartKind::kPoolSums, phase_.end);
    for (size_t i = 0; i < phase_.blocks.size(); ++i) TRY(AddBlock(i));
    return std::move(tables_);
  }

 private:
  Status CheckExecutable() const {
    if (phase_.blocks.size() > runtime::kMaxFusedBlocks) {
      return NotYet(phase_.blocks.back(), "is one of more than 64 in a phase");
    }
    for (const FusedBlock& block : phase_.blocks) {
      if (block.last - block.first >= static_cast<int32_t>(runtime::kMaxFusedLayers)) {
        return NotYet(block, "has more than 64 layers");
      }
      for (int32_t map = block.first; map <= block.last + 1; ++map) {
        const auto limit = static_cast<int32_t>(runtime::kMaxFusedSide);
        if (chain_.Height(map) > limit || chain_.Width(map) > limit) {
          return NotYet(block, "has a map of more than 16383 rows or columns");
        }
      }
    }
    return OkStatus();
  }

  void FindStream() {
    const bool first = phase_.begin == 0;
    stream_ = first ? FindPart(phase_, PartKind::kInputRows, 0) : nullptr;
    if (stream_ != nullptr) tables_.stream = runtime::FusedStream::kRows;
    if (stream_ != nullptr || !first) return;
    stream_ = FindPart(phase_, PartKind::kInputSlab, 0);
    if (stream_ != nullptr) tables_.stream = runtime::FusedStream::kSlabs;
  }

  FusedPlace WholeMap(int32_t map, int64_t offset) const {
    return {.offset = static_cast<uint32_t>(offset),
            .rows = Narrow(static_cast<size_t>(chain_.Height(map))),
            .columns = 0};
  }

  FusedPlace InputOf(size_t index) const {
    const int32_t map = phase_.blocks[index].first;
    if (index == 0 && stream_ != nullptr) return PlaceOf(*stream_);
    const ArenaPart* part = FindPart(phase_, index > 0 ? PartKind::kRing : PartKind::kInput, map);
    return part != nullptr ? PlaceOf(*part) : WholeMap(map, outside_.input);
  }

  FusedPlace OutputOf(size_t index) const {
    const int32_t map = phase_.blocks[index].last + 1;
    const bool last = index + 1 == phase_.blocks.size();
    if (last && tables_.pool != nullptr) return {};  // What is made is only summed up.
    const ArenaPart* part = FindPart(phase_, last ? PartKind::kOutput : PartKind::kRing, map);
    return part != nullptr ? PlaceOf(*part) : WholeMap(map, outside_.output);
  }

  static runtime::FusedOrder OrderOf(const FusedBlock& block, bool has_staged) {
    using enum runtime::FusedOrder;
    if (!has_staged) return kPoolChannels;
    if (block.mode == BlockMode::kPatch) return kPatches;
    return block.mode == BlockMode::kChannels ? kChannels : kColumns;
  }

  Status AddBlock(size_t index) {
    const FusedBlock& block = phase_.blocks[index];
    const auto number = static_cast<int32_t>(index);
    const size_t first_keep = tables_.keeps.size();
    TRY(AddInputKeeps(block));
    const size_t keeps = tables_.keeps.size() - first_keep;
    for (int32_t l = block.first; l <= block.last; ++l) TRY(AddLayer(index, l));
    // A block without caches pools channel by channel.
    const ArenaPart* staged = FindPart(phase_, PartKind::kStaged, block.last + 1, number);
    const runtime::FusedOrder order = OrderOf(block, staged != nullptr);
    const int32_t width = order == runtime::FusedOrder::kPatches ? block.width : 0;
    tables_.blocks.push_back({.input = InputOf(index),
                              .output = OutputOf(index),
                              .staged = static_cast<uint32_t>(staged ? staged->offset : 0),
                              .layers = Narrow(static_cast<size_t>(block.last - block.first + 1)),
                              .height = Narrow(static_cast<size_t>(block.height)),
                              .first_keep = Narrow(first_keep),
                              .keeps = static_cast<uint8_t>(keeps),
                              .order = order,
                              .width = Narrow(static_cast<size_t>(width)),
                              .reserved = 0});
    return OkStatus();
  }

  /// What there is of map `l` inside a block.
  const ArenaPart* InnerPart(const FusedBlock& block, int32_t l, int32_t number) const {
    if (block.mode == BlockMode::kPatch) return PatchMap(l);
    if (block.mode == BlockMode::kChannels) {
      return l == block.last ? FindPart(phase_, PartKind::kSums, l + 1, number)
                             : FindPart(phase_, PartKind::kPlane, l, number);
    }
    const ArenaPart* columns = FindPart(phase_, PartKind::kColumns, l, number);
    return columns != nullptr ? columns : FindPart(phase_, PartKind::kPixel, l, number);
  }

  const ArenaPart* PatchMap(int32_t map) const {
    return &*std::ranges::find(phase_.patch_maps, map, &ArenaPart::map);
  }

  /// Rows of the block's input for sums of later blocks.
  Status AddInputKeeps(const FusedBlock& block) {
    const size_t before = tables_.keeps.size();
    for (const Skip& skip : chain_.skips) {
      if (skip.from != block.first || skip.to <= block.last + 1) continue;
      const ArenaPart* part = FindPart(phase_, PartKind::kSkipRing, skip.from, -1, skip.to);
      // Streamed values are gone afterwards: a sum in a later phase has them copied, too.
      if (part == nullptr && stream_ != nullptr && skip.from == 0) {
        part = FindPart(phase_, PartKind::kKept, 0);
      }
      if (part == nullptr) continue;
      tables_.keeps.push_back(
          {.place = PlaceOf(*part), .rows_of = runtime::kNewRows, .reserved = 0});
    }
    if (tables_.keeps.size() - before <= UINT8_MAX) return OkStatus();
    return NotYet(block, "begins more than 255 residual sums");
  }

  Status AddLayer(size_t index, int32_t l) {
    const FusedBlock& block = phase_.blocks[index];
    const auto number = static_cast<int32_t>(index);
    runtime::FusedLayer layer = {.input = {},
                                 .op = Narrow(static_cast<size_t>(l - phase_.begin)),
                                 .first_sum = Narrow(tables_.sums.size()),
                                 .first_keep = Narrow(tables_.keeps.size()),
                                 .sums = 0,
                                 .keeps = 0};
    if (l > block.first) {
      layer.input = PlaceOf(*InnerPart(block, l, number));
    }
    for (size_t i = 0; i < tables_.skips.size(); ++i) {
      const Skip& skip = chain_.skips[tables_.skips[i]];
      if (skip.to == l + 1) AddSum(index, skip, i);
    }
    for (const Skip& skip : chain_.skips) {
      if (skip.from == l + 1) AddKeep(index, skip);
    }
    layer.sums = static_cast<uint8_t>(tables_.sums.size() - layer.first_sum);
    layer.keeps = static_cast<uint8_t>(tables_.keeps.size() - layer.first_keep);
    if (tables_.sums.size() - layer.first_sum > UINT8_MAX ||
        tables_.keeps.size() - layer.first_keep > UINT8_MAX) {
      return NotYet(block, "has more than 255 residual sums at one map");
    }
    tables_.layers.push_back(layer);
    return OkStatus();
  }

  /// `position` among the phase's sums.
  void AddSum(size_t index, const Skip& skip, size_t position) {
    const FusedBlock& block = phase_.blocks[index];
    FusedPlace place;
    int32_t first_row = skip.to;
    if (skip.from == block.first) {
      place = InputOf(index);
    } else if (skip.from > block.first && block.mode == BlockMode::kPatch) {
      place = PlaceOf(*PatchMap(skip.from));
      first_row = skip.from;
    } else if (skip.from > block.first) {
      place = PlaceOf(*FindPart(phase_, PartKind::kSkipColumns, skip.from,
                                static_cast<int32_t>(index), skip.to));
    } else if (const ArenaPart* ring =
                   FindPart(phase_, PartKind::kSkipRing, skip.from, -1, skip.to)) {
      place = PlaceOf(*ring);
    } else if (const ArenaPart* kept = FindPart(phase_, PartKind::kKept, skip.from)) {
      place = PlaceOf(*kept);
    } else {
      place = WholeMap(skip.from, outside_.input);
    }
    const auto layers = static_cast<size_t>(phase_.end - phase_.begin);
    tables_.sums.push_back({.place = place,
                            .op = Narrow(layers + position),
                            .operand = waiting_operands_[tables_.skips[position]],
                            .map = static_cast<uint8_t>(first_row - block.first)});
  }

  void AddKeep(size_t index, const Skip& skip) {
    const FusedBlock& block = phase_.blocks[index];
    const auto number = static_cast<int32_t>(index);
    const bool inside = skip.from <= block.last && skip.to <= block.last + 1;
    if (inside && block.mode == BlockMode::kPatch) return;  // It waits where it was made.
    if (inside) {
      const ArenaPart* columns =
          FindPart(phase_, PartKind::kSkipColumns, skip.from, number, skip.to);
      const auto rows_of = static_cast<size_t>(skip.to - 1 - block.first);
      tables_.keeps.push_back(
          {.place = PlaceOf(*columns), .rows_of = Narrow(rows_of), .reserved = 0});
    } else if (skip.from <= block.last && skip.to <= phase_.end) {
      const ArenaPart* ring = FindPart(phase_, PartKind::kSkipRing, skip.from, -1, skip.to);
      tables_.keeps.push_back(
          {.place = PlaceOf(*ring), .rows_of = runtime::kNewRows, .reserved = 0});
    } else if (skip.from < phase_.end && skip.to > phase_.end) {
      const ArenaPart* kept = FindPart(phase_, PartKind::kKept, skip.from);
      tables_.keeps.push_back(
          {.place = PlaceOf(*kept), .rows_of = runtime::kAllRows, .reserved = 0});
    }
  }

  const Chain& chain_;
  const PlannedPhase& phase_;
  const OutsidePlaces& outside_;
  const std::vector<uint8_t>& waiting_operands_;
  const ArenaPart* stream_ = nullptr;  ///< Where a streamed input goes.
  FusedTables tables_;
};

}  // namespace

const ArenaPart* FindPart(const PlannedPhase& phase, PartKind kind, int32_t map, int32_t block,
                          int32_t sum) {
  const auto found = std::ranges::find_if(phase.parts, [&](const ArenaPart& part) {
    return part.kind == kind && part.map == map && part.block == block && part.sum == sum;
  });
  return found == phase.parts.end() ? nullptr : &*found;
}

Result<FusedTables> MakeFusedTables(const Chain& chain, const PlannedPhase& phase,
                                    const OutsidePlaces& outside,
                                    const std::vector<uint8_t>& waiting_operands) {
  return TableMaker(chain, phase, outside, waiting_operands).Run();
}

}  // namespace tinyrig::compiler
