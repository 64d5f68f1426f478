#pragma once

#include "firmware/runtime/fusion/layer_window.h"

namespace tinyrig::runtime {

/// A fused phase in place: its tables, and its operators as contexts.
struct FusedPhase {
  const OpContext& context;
  const FusedParams& params;
  const FusedBlock* blocks;
  const FusedLayer* layers;
  const FusedSum* sums;
  const FusedKeep* keeps;

  /// REQUIRES: the parameters' tables are in the blob.
  explicit FusedPhase(const OpContext& phase);
  OpContext Operator(uint16_t op) const {
    OpContext member = context;
    member.op = context.op - params.ops + op;
    return member;
  }
};

/// Output rows of iteration `i` of a block.
RowSpan TileRows(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers,
                 uint32_t i);

/// One iteration of a block: sweeps the columns of its output from left to right. Every map inside
/// the block that a window reads keeps as many columns as the window covers, all others a pixel;
/// all columns of the iteration's rows are made. A pixel of the output is written when all of it is
/// there.
class Tile {
 public:
  /// REQUIRES: PrepareFusedPhase() was kOk; `layers` are the block's.
  Tile(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers, uint32_t i);

  /// Rows of the block's input that Run() reads.
  RowSpan input_rows() const { return rows_[0]; }
  void Run();

 private:
  OpContext Layer(uint32_t layer) const { return phase_.Operator(layers_[layer].op); }
  int32_t Width(uint32_t map) const {
    return static_cast<int32_t>(Layer(map - 1).output().dims[2]);
  }
  bool IsPixel(uint32_t map) const {
    return map > 0 && map < block_.layers && WindowOf(Layer(map)).pointwise();
  }
  /// The map that the layers up to map `map` read: behind them there are pixels only.
  uint32_t SourceOf(uint32_t map) const;
  PixelMap InputOf(uint32_t layer) const;
  void MakeColumn(uint32_t map);
  void MakePixels(uint32_t source, uint32_t map, int32_t y, int32_t x);
  void TakeSums(uint32_t layer, int32_t y, int32_t x, int8_t* pixel) const;
  void Keep(uint32_t layer, int32_t y, int32_t x, const int8_t* pixel) const;

  const FusedPhase& phase_;
  const FusedBlock& block_;
  const FusedLayer* layers_;
  // Of maps 0 (the block's input) to layers (its output).
  RowSpan rows_[kMaxFusedLayers + 1];
  uint16_t made_[kMaxFusedLayers + 1];  ///< Columns.
};

}  // namespace tinyrig::runtime
