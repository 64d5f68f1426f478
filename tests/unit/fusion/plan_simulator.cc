#include "tests/unit/fusion/plan_simulator.h"

#include <algorithm>
#include <cstring>

namespace tinyrig::compiler {
namespace {

constexpr int64_t kGarbage = -1;

/// Rows or columns of its input that one output touches, as a window over a padded axis.
struct Window {
  int32_t lo;
  int32_t hi;
};
Window WindowOf(int32_t out, int32_t stride, int32_t pad, int32_t kernel, int32_t in) {
  return {std::max(0, out * stride - pad), std::min(in - 1, out * stride - pad + kernel - 1)};
}

}  // namespace

struct PlanSimulator::Sweep {
  size_t index;
  const FusedBlock& block;
  std::vector<Window> rows;      ///< Of maps first..last+1 in this iteration.
  std::vector<int32_t> columns;  ///< Made so far, of the same maps.
  int32_t slab_columns = 0;      ///< Loaded so far.
  const Window& RowsOf(int32_t map) const { return rows[static_cast<size_t>(map - block.first)]; }
  int32_t& ColumnsOf(int32_t map) { return columns[static_cast<size_t>(map - block.first)]; }
};

PlanSimulator::PlanSimulator(const Chain& chain, const CostRules& rules, const FusionPlan& plan)
    : chain_(chain),
      rules_(rules),
      plan_(plan),
      arena_(static_cast<size_t>(plan.arena_bytes), kGarbage) {
  Id next = 0;
  for (int32_t map = 0; map <= chain.size(); ++map) {
    first_id_.push_back(next);
    next += chain.MapBytes(map);
  }
}

PlanSimulator::Id PlanSimulator::IdOf(int32_t map, int32_t y, int32_t x) const {
  return first_id_[static_cast<size_t>(map)] + y * chain_.RowBytes(map) +
         int64_t{x} * chain_.Channels(map);
}

void PlanSimulator::Fail(const std::string& what) {
  if (mistake_.empty()) mistake_ = what;
}

void PlanSimulator::Write(int64_t at, int32_t map, int32_t y, int32_t x) {
  const int32_t channels = chain_.Channels(map);
  if (at < 0 || at + channels > plan_.arena_bytes) return Fail("write outside of the arena");
  for (int32_t c = 0; c < channels; ++c) arena_[static_cast<size_t>(at + c)] = IdOf(map, y, x) + c;
}

void PlanSimulator::Check(int64_t at, int32_t map, int32_t y, int32_t x) {
  const int32_t channels = chain_.Channels(map);
  if (at < 0 || at + channels > plan_.arena_bytes) return Fail("read outside of the arena");
  for (int32_t c = 0; c < channels; ++c) {
    if (arena_[static_cast<size_t>(at + c)] != IdOf(map, y, x) + c) {
      return Fail("map " + std::to_string(map) + " row " + std::to_string(y) + " column " +
                  std::to_string(x) + " is gone");
    }
  }
}

const ArenaPart* PlanSimulator::Find(PartKind kind, int32_t map, int32_t block, int32_t sum) const {
  for (const ArenaPart& part : phase_->parts) {
    if (part.kind == kind && part.map == map && part.block == block && part.sum == sum) {
      return &part;
    }
  }
  return nullptr;
}

std::string PlanSimulator::Run() {
  for (const PlannedPhase& phase : plan_.phases) RunPhase(phase);
  if (outputs_ != chain_.MapBytes(chain_.size())) Fail("not every output was made once");
  return mistake_;
}

void PlanSimulator::RunPhase(const PlannedPhase& phase) {
  phase_ = &phase;
  for (const MapMove& move : phase.moves) {
    if (move.from < 0 || move.to < 0 || move.from + move.bytes > plan_.arena_bytes ||
        move.to + move.bytes > plan_.arena_bytes) {
      return Fail("move outside of the arena");
    }
    std::memmove(&arena_[static_cast<size_t>(move.to)], &arena_[static_cast<size_t>(move.from)],
                 static_cast<size_t>(move.bytes) * sizeof(Id));
  }
  const ArenaPart* input = Find(PartKind::kInput, phase.begin);
  if (phase.begin == 0 && input != nullptr) {
    for (int32_t y = 0; y < chain_.Height(0); ++y) {
      for (int32_t x = 0; x < chain_.Width(0); ++x) {
        Write(input->offset + y * chain_.RowBytes(0) + int64_t{x} * chain_.Channels(0), 0, y, x);
      }
    }
  }
  iteration_.assign(phase.blocks.size(), 0);
  rows_kept_.assign(chain_.skips.size(), 0);
  Pull(phase.blocks.size() - 1, chain_.Height(phase.end) - 1);
  const ArenaPart* output = Find(PartKind::kOutput, phase.end);
  if (output == nullptr) return;
  for (int32_t y = 0; y < chain_.Height(phase.end); ++y) {
    for (int32_t x = 0; x < chain_.Width(phase.end); ++x) {
      Check(
          output->offset + y * chain_.RowBytes(phase.end) + int64_t{x} * chain_.Channels(phase.end),
          phase.end, y, x);
    }
  }
}

void PlanSimulator::Pull(size_t block, int32_t row) {
  while (iteration_[block] * phase_->blocks[block].height <= row && mistake_.empty()) {
    Iterate(block);
  }
}

void PlanSimulator::Iterate(size_t index) {
  const FusedBlock& block = phase_->blocks[index];
  const int32_t first_row = iteration_[index]++ * block.height;
  Sweep sweep{.index = index, .block = block, .rows = {}, .columns = {}};
  Window rows = {first_row, std::min(first_row + block.height, chain_.Height(block.last + 1)) - 1};
  sweep.rows.push_back(rows);
  for (int32_t l = block.last; l >= block.first; --l) {
    const ChainLayer& layer = chain_.layer(l);
    const auto window = [&](int32_t y) {
      return WindowOf(y, layer.stride_h, layer.pad_top, layer.kernel_h, layer.in_h);
    };
    rows = {window(rows.lo).lo, window(rows.hi).hi};
    sweep.rows.insert(sweep.rows.begin(), rows);
  }
  sweep.columns.assign(sweep.rows.size(), 0);
  if (index > 0) Pull(index - 1, rows.hi);
  const ArenaPart* stream = Find(PartKind::kInputRows, 0);
  for (; index == 0 && block.first == 0 && stream != nullptr && rows_loaded_ <= rows.hi;
       ++rows_loaded_) {
    for (int32_t x = 0; x < chain_.Width(0); ++x) {
      Write(stream->offset + rows_loaded_ % stream->rows * chain_.RowBytes(0) +
                int64_t{x} * chain_.Channels(0),
            0, rows_loaded_, x);
    }
  }
  KeepInputRows(sweep);
  if (block.mode == BlockMode::kChannels) {
    SliceChannels(sweep);
  } else {
    SweepColumns(sweep);
  }
}

/// Rows of the block's input that a sum behind a ring wants, copied when they are first here.
void PlanSimulator::KeepInputRows(Sweep& sweep) {
  const int32_t map = sweep.block.first;
  const Window& rows = sweep.RowsOf(map);
  for (size_t i = 0; i < chain_.skips.size(); ++i) {
    const Skip& skip = chain_.skips[i];
    if (skip.from != map || skip.to <= sweep.block.last + 1) continue;
    const ArenaPart* ring =
        skip.to <= phase_->end ? Find(PartKind::kSkipRing, map, -1, skip.to) : nullptr;
    const ArenaPart* kept = Find(PartKind::kKept, map);
    for (; rows_kept_[i] <= rows.hi; ++rows_kept_[i]) {
      const int32_t y = rows_kept_[i];
      for (int32_t x = 0; x < chain_.Width(map); ++x) {
        const int64_t pixel = int64_t{x} * chain_.Channels(map);
        if (ring == nullptr && kept == nullptr) continue;
        ReadBlockInput(sweep, y, x);
        if (ring != nullptr) {
          Write(ring->offset + y % ring->rows * chain_.RowBytes(map) + pixel, map, y, x);
        }
        if (kept != nullptr) Write(kept->offset + y * chain_.RowBytes(map) + pixel, map, y, x);
      }
    }
  }
}

void PlanSimulator::SliceChannels(Sweep& sweep) {
  const FusedBlock& block = sweep.block;
  const auto index = static_cast<int32_t>(sweep.index);
  for (int32_t l = block.first; l <= block.last; ++l) {
    const Window& made = sweep.RowsOf(l + 1);
    macs_ += chain_.layer(l).RowMacs() * (made.hi - made.lo + 1);
  }
  for (const auto& [kind, map] :
       {std::pair{PartKind::kPlane, block.first + 1}, std::pair{PartKind::kSums, block.last + 1}}) {
    const ArenaPart* part = Find(kind, map, index);
    for (int64_t i = 0; i < part->bytes; ++i) {
      arena_[static_cast<size_t>(part->offset + i)] = kGarbage;
    }
  }
  for (int32_t y = sweep.RowsOf(block.first).lo; y <= sweep.RowsOf(block.first).hi; ++y) {
    for (int32_t x = 0; x < chain_.Width(block.first); ++x) ReadBlockInput(sweep, y, x);
  }
  const Window& rows = sweep.RowsOf(block.last + 1);
  for (int32_t y = rows.lo; y <= rows.hi; ++y) {
    for (int32_t x = 0; x < chain_.Width(block.last + 1); ++x) {
      for (const Skip& skip : chain_.skips) {
        if (skip.to == block.last + 1) ReadSkip(sweep, skip, y, x);
      }
      WriteOutput(sweep, y, x);
    }
  }
}

void PlanSimulator::SweepColumns(Sweep& sweep) {
  const FusedBlock& block = sweep.block;
  const Window& rows = sweep.RowsOf(block.last + 1);
  for (int32_t x = 0; x < chain_.Width(block.last + 1); ++x) {
    for (int32_t y = rows.lo; y <= rows.hi; ++y) {
      MakePixel(sweep, block.last + 1, y, x);
      WriteOutput(sweep, y, x);
    }
  }
  // Columns that no window reached are made all the same.
  for (int32_t map = block.last; map > block.first; --map) {
    if (Find(PartKind::kColumns, map, static_cast<int32_t>(sweep.index)) == nullptr) continue;
    while (sweep.ColumnsOf(map) < chain_.Width(map)) MakeColumn(sweep, map);
  }
}

void PlanSimulator::MakeColumn(Sweep& sweep, int32_t map) {
  const ArenaPart* ring = Find(PartKind::kColumns, map, static_cast<int32_t>(sweep.index));
  const Window& rows = sweep.RowsOf(map);
  const int32_t x = sweep.ColumnsOf(map)++;
  for (int32_t y = rows.lo; y <= rows.hi; ++y) {
    MakePixel(sweep, map, y, x);
    const int32_t slot = x % ring->columns * ring->rows + y - rows.lo;
    if (y - rows.lo >= ring->rows) Fail("too few rows in a ring of columns");
    Write(ring->offset + int64_t{slot} * chain_.Channels(map), map, y, x);
  }
}

void PlanSimulator::MakePixel(Sweep& sweep, int32_t map, int32_t y, int32_t x) {
  const ChainLayer& layer = chain_.layer(map - 1);
  macs_ += layer.RowMacs() / layer.out_w;
  const Window rows = WindowOf(y, layer.stride_h, layer.pad_top, layer.kernel_h, layer.in_h);
  const Window columns = WindowOf(x, layer.stride_w, layer.pad_left, layer.kernel_w, layer.in_w);
  const bool ring = Find(PartKind::kColumns, map - 1, static_cast<int32_t>(sweep.index)) != nullptr;
  while (map - 1 > sweep.block.first && ring && sweep.ColumnsOf(map - 1) <= columns.hi) {
    MakeColumn(sweep, map - 1);
  }
  for (int32_t yy = rows.lo; yy <= rows.hi; ++yy) {
    for (int32_t xx = columns.lo; xx <= columns.hi; ++xx) ReadOperand(sweep, map - 1, yy, xx);
  }
  for (const Skip& skip : chain_.skips) {
    if (skip.to == map) ReadSkip(sweep, skip, y, x);
  }
  if (map <= sweep.block.last) KeepForSums(sweep, map, y, x);
}

void PlanSimulator::ReadOperand(Sweep& sweep, int32_t map, int32_t y, int32_t x) {
  if (map == sweep.block.first) return ReadBlockInput(sweep, y, x);
  const auto index = static_cast<int32_t>(sweep.index);
  if (const ArenaPart* pixel = Find(PartKind::kPixel, map, index)) {
    MakePixel(sweep, map, y, x);
    Write(pixel->offset, map, y, x);
    return Check(pixel->offset, map, y, x);
  }
  const ArenaPart* ring = Find(PartKind::kColumns, map, index);
  const int32_t slot = x % ring->columns * ring->rows + y - sweep.RowsOf(map).lo;
  Check(ring->offset + int64_t{slot} * chain_.Channels(map), map, y, x);
}

void PlanSimulator::ReadBlockInput(Sweep& sweep, int32_t y, int32_t x) {
  const int32_t map = sweep.block.first;
  const int64_t row = chain_.RowBytes(map);
  const int64_t pixel = int64_t{x} * chain_.Channels(map);
  if (sweep.index > 0) {
    const ArenaPart* ring = Find(PartKind::kRing, map);
    return Check(ring->offset + y % ring->rows * row + pixel, map, y, x);
  }
  if (const ArenaPart* input = Find(PartKind::kInput, map)) {
    return Check(input->offset + y * row + pixel, map, y, x);
  }
  if (const ArenaPart* rows = Find(PartKind::kInputRows, map)) {
    return Check(rows->offset + y % rows->rows * row + pixel, map, y, x);
  }
  const ArenaPart* slab = Find(PartKind::kInputSlab, map);
  if (slab == nullptr) return;  // Elsewhere.
  const Window& rows = sweep.RowsOf(map);
  const auto at = [&](int32_t yy, int32_t xx) {
    return slab->offset +
           int64_t{xx % slab->columns * slab->rows + yy - rows.lo} * chain_.Channels(map);
  };
  for (; sweep.slab_columns <= x; ++sweep.slab_columns) {
    for (int32_t yy = rows.lo; yy <= rows.hi; ++yy) {
      Write(at(yy, sweep.slab_columns), map, yy, sweep.slab_columns);
    }
  }
  Check(at(y, x), map, y, x);
}

void PlanSimulator::ReadSkip(Sweep& sweep, const Skip& skip, int32_t y, int32_t x) {
  const int32_t map = skip.from;
  const int64_t pixel = int64_t{x} * chain_.Channels(map);
  if (map == sweep.block.first) return ReadBlockInput(sweep, y, x);
  if (map > sweep.block.first) {
    const ArenaPart* columns =
        Find(PartKind::kSkipColumns, map, static_cast<int32_t>(sweep.index), skip.to);
    if (columns == nullptr) return Fail("a sum inside a block has no columns");
    const int32_t slot = x % columns->columns * columns->rows + y - sweep.RowsOf(skip.to).lo;
    return Check(columns->offset + int64_t{slot} * chain_.Channels(map), map, y, x);
  }
  if (map >= phase_->begin) {
    const ArenaPart* ring = Find(PartKind::kSkipRing, map, -1, skip.to);
    if (ring == nullptr) return Fail("a sum across a ring has no rows");
    return Check(ring->offset + y % ring->rows * chain_.RowBytes(map) + pixel, map, y, x);
  }
  const ArenaPart* kept = Find(PartKind::kKept, map);
  if (kept == nullptr && map == 0 && rules_.input == InputPlace::kElsewhere) return;
  if (kept == nullptr) return Fail("a sum across a phase has no map");
  Check(kept->offset + y * chain_.RowBytes(map) + pixel, map, y, x);
}

void PlanSimulator::KeepForSums(Sweep& sweep, int32_t map, int32_t y, int32_t x) {
  const int64_t pixel = int64_t{x} * chain_.Channels(map);
  for (size_t i = 0; i < chain_.skips.size(); ++i) {
    const Skip& skip = chain_.skips[i];
    if (skip.from != map) continue;
    if (skip.to <= sweep.block.last + 1) {
      const ArenaPart* columns =
          Find(PartKind::kSkipColumns, map, static_cast<int32_t>(sweep.index), skip.to);
      const Window& rows = sweep.RowsOf(skip.to);
      if (y < rows.lo || y > rows.hi) continue;
      const int32_t slot = x % columns->columns * columns->rows + y - rows.lo;
      Write(columns->offset + int64_t{slot} * chain_.Channels(map), map, y, x);
    } else if (skip.to <= phase_->end) {
      // Rows that were made before are in the ring, or over: newer ones have their place.
      const ArenaPart* ring = Find(PartKind::kSkipRing, map, -1, skip.to);
      if (y < rows_kept_[i]) continue;
      Write(ring->offset + y % ring->rows * chain_.RowBytes(map) + pixel, map, y, x);
      if (x == chain_.Width(map) - 1 && y == sweep.RowsOf(map).hi) rows_kept_[i] = y + 1;
    } else {
      const ArenaPart* kept = Find(PartKind::kKept, map);
      Write(kept->offset + y * chain_.RowBytes(map) + pixel, map, y, x);
    }
  }
}

void PlanSimulator::WriteOutput(Sweep& sweep, int32_t y, int32_t x) {
  const int32_t map = sweep.block.last + 1;
  const auto index = static_cast<int32_t>(sweep.index);
  if (const ArenaPart* staged = Find(PartKind::kStaged, map, index)) {
    Write(staged->offset, map, y, x);
    Check(staged->offset, map, y, x);
  }
  const int64_t pixel = int64_t{x} * chain_.Channels(map);
  if (sweep.index + 1 < phase_->blocks.size()) {
    const ArenaPart* ring = Find(PartKind::kRing, map);
    return Write(ring->offset + y % ring->rows * chain_.RowBytes(map) + pixel, map, y, x);
  }
  if (map == chain_.size()) outputs_ += chain_.Channels(map);
  if (const ArenaPart* output = Find(PartKind::kOutput, map)) {
    return Write(output->offset + y * chain_.RowBytes(map) + pixel, map, y, x);
  }
  const ArenaPart* sums = Find(PartKind::kPoolSums, map);
  for (int64_t i = 0; sums != nullptr && i < sums->bytes; ++i) {
    arena_[static_cast<size_t>(sums->offset + i)] = kGarbage;
  }
}

}  // namespace tinyrig::compiler
