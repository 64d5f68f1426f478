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

/// One iteration of a block. FusedOrder::kColumns sweeps the columns of its output from left to
/// right. Every map inside the block that a window reads keeps as many columns as the window
/// covers, all others a pixel; all columns of the iteration's rows are made. A pixel of the output
/// is written when all of it is there.
class Tile {
 public:
  /// Iteration `i`. REQUIRES: PrepareFusedPhase() was kOk; `layers` are the block's.
  Tile(const FusedPhase& phase, const FusedBlock& block, const FusedLayer* layers, uint32_t i);

  /// Rows of the block's input that Run() reads.
  RowSpan input_rows() const { return {maps_[0].lo, maps_[0].hi}; }
  void Run();

 private:
  /// Map 0 is the block's input, map n the output of its layer n - 1.
  struct Map {
    int16_t lo;  ///< Rows of this iteration, both included.
    int16_t hi;
    int16_t fresh;    ///< The first row that no iteration before had.
    uint16_t made;    ///< Columns; of a patch the first one.
    uint16_t width;   ///< Columns; of a patch the one after the last.
    uint16_t source;  ///< The map that the layers up to here read: behind it there are pixels only.
  };
  /// A layer with all that its pixels have in common.
  struct Step {
    const OpRecord* op;
    void (*make)(const OpContext& layer, const PixelWindow& window, int8_t* out);
    LayerWindow window;
    bool pointwise;
    bool plain;  ///< Nothing but a pixel is made: no sum, no copy, not staged.
    PixelMap input;
    PixelMap output;  ///< Of the next layer, or the block's.
    int8_t* staged;   ///< Where an output pixel is made before it goes to the block's output.
  };
  /// A sum with all that its pixels have in common.
  struct Sum {
    const OpRecord* op;
    void (*take)(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel);
    int operand;
    PixelMap waited;
  };
  static constexpr uint32_t kSteps = 4;
  static constexpr uint16_t kNothing = 0xFFFF;
  /// What is prepared for some of the layers; layer n in slot n % kSteps.
  struct Steps {
    uint16_t layers[kSteps] = {kNothing, kNothing, kNothing, kNothing};
    Step of[kSteps];
  };

  void RunColumns();
  void RunSlices();
  SliceTask MakeSliceTask();
  void RunPlainSlices() const;
  void RunPatches();
  void FindColumns(int32_t begin, int32_t end);
  void MakePatch(uint32_t layer);
  void CountPatch() const;
  void ExpandSlice(uint32_t channel) const;
  void ProjectSlice(uint32_t channel) const;
  void FinishSlices(const Kernel& kernel);
  void PutOut(const PixelMap& output, int32_t y, int32_t x, const int8_t* pixel,
              uint32_t channels) const;
  OpContext Layer(uint32_t layer) const { return phase_.Operator(layers_[layer].op); }
  void FindRows(uint32_t i);
  PixelMap InputOf(uint32_t layer, const OpContext& op) const;
  const Step& StepOf(uint32_t layer);
  void MakeStep(uint32_t layer, Step& step) const;
  void MakeSum(const FusedSum& sum);
  void KeepInput() const;
  void LoadColumns(int32_t end);
  void MakeColumn(uint32_t map);
  void MakePixel(uint32_t layer, int32_t y, int32_t x);
  void TakeSums(uint32_t layer, int32_t y, int32_t x, int8_t* pixel);
  void Keep(uint32_t layer, int32_t y, int32_t x, const int8_t* pixel) const;

  const FusedPhase& phase_;
  const FusedBlock& block_;
  const FusedLayer* layers_;
  int32_t* pool_ = nullptr;  ///< Sums of the output's channels, when it is pooled.
  OpContext context_;        ///< The phase's, with the operator that is being computed.
  alignas(4) Map maps_[kMaxFusedLayers + 1];
  Steps* steps_ = nullptr;  ///< While columns or patches are made.
  uint16_t sum_index_ = kNothing;
  Sum sum_;
};

}  // namespace tinyrig::runtime
