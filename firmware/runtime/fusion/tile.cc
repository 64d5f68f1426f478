#include "firmware/runtime/fusion/tile.h"

#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/fusion/stream.h"
#include "firmware/runtime/kernels/simd/simd.h"

namespace tinyrig::runtime {
namespace {

RowSpan TileRows(int32_t height, uint32_t tile_height, uint32_t i) {
  const auto end = static_cast<int32_t>((i + 1) * tile_height);
  return {static_cast<int16_t>(i * tile_height),
          static_cast<int16_t>((end < height ? end : height) - 1)};
}

/// Pixels are short: a call of memcpy costs more than it saves.
void CopyPixel(int8_t* to, const int8_t* from, uint32_t channels) {
  for (; channels >= 4; channels -= 4, to += 4, from += 4) StoreWord(to, LoadWord(from));
  for (; channels > 0; --channels) *to++ = *from++;
}

}  // namespace

FusedPhase::FusedPhase(const OpContext& phase)
    : context(phase),
      params(phase.params<FusedParams>()),
      blocks(phase.InBlob<FusedBlock>(params.blocks_offset)),
      layers(phase.InBlob<FusedLayer>(params.layers_offset)),
      sums(phase.InBlob<FusedSum>(params.sums_offset)),
      keeps(phase.InBlob<FusedKeep>(params.keeps_offset)) {}

Tile::Tile(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers, uint32_t i)
    : phase_(phase), block_(block), layers_(layers), context_(phase.context) {
  if (phase.params.pool_op != kNoPool && &block == phase.blocks + phase.params.blocks - 1) {
    pool_ = reinterpret_cast<int32_t*>(phase.context.arena + phase.params.pool_offset);
  }
  FindRows(i);
}

void Tile::FindRows(uint32_t i) {
  const auto height = static_cast<int32_t>(Layer(block_.layers - 1u).output().dims[1]);
  RowSpan rows = TileRows(height, block_.height, i);
  RowSpan before = TileRows(height, block_.height, i == 0 ? 0 : i - 1);
  for (uint32_t map = block_.layers;; --map) {
    const OpContext layer = Layer(map == 0 ? 0 : map - 1);
    const TensorRecord& values = map == 0 ? layer.input() : layer.output();
    maps_[map] = {.lo = rows.lo,
                  .hi = rows.hi,
                  .fresh = static_cast<int16_t>(i == 0 ? 0 : before.hi + 1),
                  .made = 0,
                  .width = static_cast<uint16_t>(values.dims[2]),
                  .source = 0};
    if (map == 0) return;
    const LayerWindow window = WindowOf(layer);
    rows = window.InputRows(rows);
    before = window.InputRows(before);
  }
}

PixelMap Tile::InputOf(uint32_t layer, const OpContext& op) const {
  const FusedPlace& place = layer == 0 ? block_.input : layers_[layer].input;
  return MakePixelMap(phase_.context.arena, place, op.input(), maps_[layer].lo);
}

void Tile::Run() {
  KeepInput();
  if (block_.order == FusedOrder::kPatches) return RunPatches();
  block_.order == FusedOrder::kChannels ? RunSlices() : RunColumns();
  if (phase_.context.macs == nullptr) return;
  for (uint32_t map = 1; map <= block_.layers; ++map) {
    const auto rows = static_cast<uint32_t>(maps_[map].hi - maps_[map].lo + 1);
    *phase_.context.macs += PixelMacs(Layer(map - 1)) * rows * maps_[map].width;
  }
}

/// Columns that no window reaches are made all the same: the plan counts them.
void Tile::RunColumns() {
  Steps steps;
  steps_ = &steps;
  // A pointwise layer takes its pixel from the one before, but for the first.
  for (uint32_t map = 1; map <= block_.layers; ++map) {
    const bool behind_pixel = map > 1 && StepOf(map - 1).pointwise;
    maps_[map].source = behind_pixel ? maps_[map - 1].source : static_cast<uint16_t>(map - 1);
  }
  for (uint32_t wanted = block_.layers; wanted > 0; wanted = maps_[wanted].source) {
    while (maps_[wanted].made < maps_[wanted].width) {
      // Down to the first map whose window is there, without a stack: what lies between is found
      // again.
      uint32_t map = wanted;
      for (uint32_t source = maps_[map].source;
           source > 0 &&
           maps_[source].made < StepOf(source).window.InputColumnsEnd(maps_[map].made);
           source = maps_[map].source) {
        map = source;
      }
      MakeColumn(map);
    }
  }
}

/// Rows of the input that a sum behind a ring wants, when they are first here.
void Tile::KeepInput() const {
  if (block_.keeps == 0) return;
  const OpContext first = Layer(0);
  const TensorRecord& map = first.input();
  const PixelMap input = InputOf(0, first);
  const FusedKeep* keep = phase_.keeps + block_.first_keep;
  for (uint32_t i = 0; i < block_.keeps; ++i, ++keep) {
    const PixelMap kept = MakePixelMap(phase_.context.arena, keep->place, map, 0);
    for (int32_t y = maps_[0].fresh; y <= maps_[0].hi; ++y) {
      CopyPixel(kept.At(y, 0), input.At(y, 0), map.dims[2] * map.dims[3]);
    }
  }
}

/// Columns of a slab, up to `end`.
void Tile::LoadColumns(int32_t end) {
  const PixelMap slab = InputOf(0, Layer(0));
  for (; maps_[0].made < end; ++maps_[0].made) {
    for (int32_t y = maps_[0].lo; y <= maps_[0].hi; ++y) {
      CopyStreamed(phase_, y, maps_[0].made, 1, slab.At(y, maps_[0].made));
    }
  }
}

void Tile::MakeStep(uint32_t layer, Step& step) const {
  const OpContext op = Layer(layer);
  step.op = op.op;
  step.make = KernelOf(op).pixel;
  step.window = WindowOf(op);
  step.pointwise = step.window.pointwise();
  step.input = InputOf(layer, op);
  step.staged = nullptr;
  if (layer + 1 == block_.layers) {
    step.staged = reinterpret_cast<int8_t*>(phase_.context.arena + block_.staged);
    step.output = MakePixelMap(phase_.context.arena, block_.output, op.output(), 0);
  } else {
    step.output = InputOf(layer + 1, Layer(layer + 1));
  }
  step.plain = step.staged == nullptr && layers_[layer].sums == 0 && layers_[layer].keeps == 0;
}

/// Prepared once for all columns, as long as nobody else needs its place.
inline const Tile::Step& Tile::StepOf(uint32_t layer) {
  const uint32_t slot = layer % kSteps;
  if (steps_->layers[slot] != layer) {
    MakeStep(layer, steps_->of[slot]);
    steps_->layers[slot] = static_cast<uint16_t>(layer);
  }
  return steps_->of[slot];
}

void Tile::MakeSum(const FusedSum& sum) {
  const OpContext add = phase_.Operator(sum.op);
  sum_ = {.op = add.op,
          .take = KernelOf(add).sum,
          .operand = sum.operand,
          .waited = MakePixelMap(phase_.context.arena, sum.place, add.output(), maps_[sum.map].lo)};
}

void Tile::MakeColumn(uint32_t map) {
  const uint32_t source = maps_[map].source;
  const int32_t x = maps_[map].made++;
  if (source == 0 && &block_ == phase_.blocks && phase_.params.stream == FusedStream::kSlabs) {
    LoadColumns(StepOf(0).window.InputColumnsEnd(x));
  }
  for (int32_t y = maps_[map].lo; y <= maps_[map].hi; ++y) {
    for (uint32_t layer = source; layer < map; ++layer) MakePixel(layer, y, x);
  }
}

inline void Tile::MakePixel(uint32_t layer, int32_t y, int32_t x) {
  const Step& step = StepOf(layer);
  int8_t* pixel = step.staged != nullptr ? step.staged : step.output.At(y, x);
  context_.op = step.op;
  step.make(context_,
            step.pointwise ? OnePixel(step.input, y, x) : step.window.At(step.input, y, x), pixel);
  if (step.plain) return;
  if (layers_[layer].sums != 0) TakeSums(layer, y, x, pixel);
  if (layers_[layer].keeps != 0) Keep(layer, y, x, pixel);
  if (step.staged != nullptr) PutOut(step.output, y, x, pixel, context_.output().dims[3]);
}

/// A layer's part of a patch.
void Tile::MakePatch(uint32_t layer) {
  const Map& map = maps_[layer + 1];
  for (int32_t y = map.lo; y <= map.hi; ++y) {
    for (int32_t x = map.made; x < map.width; ++x) MakePixel(layer, y, x);
  }
}

/// A pixel of the block's output, complete.
void Tile::PutOut(const PixelMap& output, int32_t y, int32_t x, const int8_t* pixel,
                  uint32_t channels) const {
  if (pool_ == nullptr) return CopyPixel(output.At(y, x), pixel, channels);
  for (uint32_t c = 0; c < channels; ++c) pool_[c] += pixel[c];
}

void Tile::TakeSums(uint32_t layer, int32_t y, int32_t x, int8_t* pixel) {
  const OpRecord* const op = context_.op;
  const uint32_t first = layers_[layer].first_sum;
  for (uint32_t i = first; i < first + layers_[layer].sums; ++i) {
    if (sum_index_ != i) MakeSum(phase_.sums[i]);
    sum_index_ = static_cast<uint16_t>(i);
    context_.op = sum_.op;
    sum_.take(context_, sum_.operand, sum_.waited.At(y, x), pixel);
  }
  context_.op = op;
}

void Tile::Keep(uint32_t layer, int32_t y, int32_t x, const int8_t* pixel) const {
  const FusedKeep* keep = phase_.keeps + layers_[layer].first_keep;
  for (uint32_t i = 0; i < layers_[layer].keeps; ++i, ++keep) {
    int32_t first_row = 0;
    if (keep->rows_of == kNewRows) {
      if (y < maps_[layer + 1].fresh) continue;
    } else if (keep->rows_of != kAllRows) {
      const Map& rows = maps_[keep->rows_of + 1];
      if (y < rows.lo || y > rows.hi) continue;
      first_row = rows.lo;
    }
    const TensorRecord& map = Layer(layer).output();
    const PixelMap kept = MakePixelMap(phase_.context.arena, keep->place, map, first_row);
    CopyPixel(kept.At(y, x), pixel, map.dims[3]);
  }
}

}  // namespace tinyrig::runtime
