#include "firmware/runtime/fusion/tile.h"

#include <cstring>

#include "firmware/runtime/fusion/pixel.h"

namespace tinyrig::runtime {

FusedPhase::FusedPhase(const OpContext& phase)
    : context(phase),
      params(phase.params<FusedParams>()),
      blocks(phase.InBlob<FusedBlock>(params.blocks_offset)),
      layers(phase.InBlob<FusedLayer>(params.layers_offset)),
      sums(phase.InBlob<FusedSum>(params.sums_offset)),
      keeps(phase.InBlob<FusedKeep>(params.keeps_offset)) {}

RowSpan TileRows(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers,
                 uint32_t i) {
  const uint32_t height = phase.Operator(layers[block.layers - 1].op).output().dims[1];
  const uint32_t end = (i + 1) * block.height;
  return {static_cast<int16_t>(i * block.height),
          static_cast<int16_t>((end < height ? end : height) - 1)};
}

Tile::Tile(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers, uint32_t i)
    : phase_(phase), block_(block), layers_(layers) {
  uint32_t map = block.layers;
  rows_[map] = TileRows(phase, block, layers, i);
  made_[map] = 0;
  while (map-- > 0) {
    rows_[map] = WindowOf(Layer(map)).InputRows(rows_[map + 1]);
    made_[map] = 0;
  }
}

uint32_t Tile::SourceOf(uint32_t map) const {
  do --map;
  while (IsPixel(map));
  return map;
}

PixelMap Tile::InputOf(uint32_t layer) const {
  const FusedPlace& place = layer == 0 ? block_.input : layers_[layer].input;
  return MakePixelMap(phase_.context.arena, place, Layer(layer).input(), rows_[layer].lo);
}

/// Columns that no window reaches are made all the same: the plan counts them.
void Tile::Run() {
  for (uint32_t wanted = block_.layers; wanted > 0; wanted = SourceOf(wanted)) {
    while (made_[wanted] < Width(wanted)) {
      // Down to the first map whose window is there, without a stack: what lies between is found
      // again.
      uint32_t map = wanted;
      for (uint32_t source = SourceOf(map);
           source > 0 && made_[source] < WindowOf(Layer(source)).InputColumnsEnd(made_[map]);
           source = SourceOf(map)) {
        map = source;
      }
      MakeColumn(map);
    }
  }
}

void Tile::MakeColumn(uint32_t map) {
  const uint32_t source = SourceOf(map);
  const int32_t x = made_[map]++;
  for (int32_t y = rows_[map].lo; y <= rows_[map].hi; ++y) MakePixels(source, map, y, x);
  if (phase_.context.macs == nullptr) return;
  for (uint32_t layer = source; layer < map; ++layer) {
    *phase_.context.macs += PixelMacs(Layer(layer)) * static_cast<uint32_t>(rows_[map].count());
  }
}

/// Layers source..map-1 at one place; all but the first are pointwise.
void Tile::MakePixels(uint32_t source, uint32_t map, int32_t y, int32_t x) {
  for (uint32_t layer = source; layer < map; ++layer) {
    const OpContext op = Layer(layer);
    const PixelMap input = InputOf(layer);
    const bool is_output = layer + 1 == block_.layers;
    int8_t* pixel = is_output ? reinterpret_cast<int8_t*>(phase_.context.arena + block_.staged)
                              : InputOf(layer + 1).At(y, x);
    MakePixel(op, WindowOf(op).At(input, y, x), pixel);
    TakeSums(layer, y, x, pixel);
    Keep(layer, y, x, pixel);
    if (!is_output) continue;
    const PixelMap output = MakePixelMap(phase_.context.arena, block_.output, op.output(), 0);
    std::memcpy(output.At(y, x), pixel, op.output().dims[3]);
  }
}

void Tile::TakeSums(uint32_t layer, int32_t y, int32_t x, int8_t* pixel) const {
  const FusedSum* sum = phase_.sums + layers_[layer].first_sum;
  for (uint32_t i = 0; i < layers_[layer].sums; ++i, ++sum) {
    const OpContext add = phase_.Operator(sum->op);
    const PixelMap waited =
        MakePixelMap(phase_.context.arena, sum->place, add.output(), rows_[layer + 1].lo);
    AddToPixel(add, sum->operand, waited.At(y, x), pixel);
  }
}

void Tile::Keep(uint32_t layer, int32_t y, int32_t x, const int8_t* pixel) const {
  const FusedKeep* keep = phase_.keeps + layers_[layer].first_keep;
  for (uint32_t i = 0; i < layers_[layer].keeps; ++i, ++keep) {
    int32_t first_row = 0;
    if (keep->rows_of != kAllRows) {
      const RowSpan rows = rows_[keep->rows_of + 1];
      if (y < rows.lo || y > rows.hi) continue;
      first_row = rows.lo;
    }
    const TensorRecord& map = Layer(layer).output();
    const PixelMap kept = MakePixelMap(phase_.context.arena, keep->place, map, first_row);
    std::memcpy(kept.At(y, x), pixel, map.dims[3]);
  }
}

}  // namespace tinyrig::runtime
