#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/fusion/tile.h"

/// FusedOrder::kPatches: an iteration is a row of patches, from left to right.
namespace tinyrig::runtime {

void Tile::RunPatches() {
  Steps steps;
  steps_ = &steps;
  const auto columns = static_cast<int32_t>(Layer(block_.layers - 1u).output().dims[2]);
  for (int32_t begin = 0; begin < columns; begin += block_.width) {
    const int32_t end = begin + block_.width;
    FindColumns(begin, end < columns ? end : columns);
    for (uint32_t layer = 0; layer < block_.layers; ++layer) MakePatch(layer);
    if (phase_.context.macs != nullptr) CountPatch();
  }
}

/// What a patch needs of every map that the block makes.
void Tile::FindColumns(int32_t begin, int32_t end) {
  for (uint32_t map = block_.layers; map > 0; --map) {
    maps_[map].made = static_cast<uint16_t>(begin);
    maps_[map].width = static_cast<uint16_t>(end);
    const LayerWindow window = WindowOf(Layer(map - 1));
    begin = begin * window.stride_w - window.pad_left;
    if (begin < 0) begin = 0;
    end = window.InputColumnsEnd(end - 1);
  }
}

void Tile::CountPatch() const {
  for (uint32_t map = 1; map <= block_.layers; ++map) {
    const auto rows = static_cast<uint32_t>(maps_[map].hi - maps_[map].lo + 1);
    const auto columns = static_cast<uint32_t>(maps_[map].width - maps_[map].made);
    *phase_.context.macs += PixelMacs(Layer(map - 1)) * rows * columns;
  }
}

}  // namespace tinyrig::runtime
