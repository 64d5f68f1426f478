#include "firmware/runtime/fusion/fused_phase.h"
#include "firmware/runtime/fusion/pool.h"
#include "firmware/runtime/fusion/tile.h"

namespace tinyrig::runtime {
namespace {

/// Rows, columns and channels of a map; all that places depend on.
struct MapShape {
  uint32_t height = 0;
  uint32_t width = 0;
  uint32_t channels = 0;
  bool operator==(const MapShape&) const = default;
};

MapShape ShapeOf(const TensorRecord& map) { return {map.dims[1], map.dims[2], map.dims[3]}; }

bool IsMap(const TensorRecord& tensor) {
  return tensor.type == ElementType::kInt8 && tensor.rank == 4 && tensor.dims[0] == 1 &&
         tensor.dims[1] <= kMaxFusedSide && tensor.dims[2] <= kMaxFusedSide;
}

/// Checks a phase layer by layer: `map_` is what the layers so far have made.
class PhaseCheck {
 public:
  explicit PhaseCheck(const OpCheck& check) : check_(check), phase_(check) {}

  bool Run() {
    if (!HasTables() || !CheckStream() || !IsMap(Input())) return false;
    map_ = ShapeOf(Input());
    for (uint32_t b = 0; b < phase_.params.blocks; ++b) {
      if (!CheckBlock(phase_.blocks[b])) return false;
    }
    return next_layer_ == phase_.params.layers && CheckEnd();
  }

 private:
  bool HasTables() const {
    const FusedParams& params = phase_.params;
    return params.reserved == 0 && params.blocks >= 1 && params.blocks <= kMaxFusedBlocks &&
           check_.op - check_.first_op >= params.ops &&
           check_.InData(params.blocks_offset, uint64_t{params.blocks} * sizeof(FusedBlock)) &&
           check_.InData(params.layers_offset, uint64_t{params.layers} * sizeof(FusedLayer)) &&
           check_.InData(params.sums_offset, uint64_t{params.sums} * sizeof(FusedSum)) &&
           check_.InData(params.keeps_offset, uint64_t{params.keeps} * sizeof(FusedKeep));
  }

  bool pools() const { return phase_.params.pool_op != kNoPool; }

  /// The input is streamed when it is not in the arena, and only then.
  bool CheckStream() const {
    const FusedParams& params = phase_.params;
    const bool streams = check_.input().place == Place::kStreamed;
    if (params.stream > FusedStream::kSlabs || streams != (params.stream != FusedStream::kNone)) {
      return false;
    }
    if (params.convert_op == kNoConversion) return true;
    if (!streams || !HasOperator(params.convert_op)) return false;
    const OpRecord& convert = *phase_.Operator(params.convert_op).op;
    return convert.inputs[0] == check_.op->inputs[0] &&
           (convert.kind == OpKind::kLookup || convert.kind == OpKind::kQuantize);
  }

  /// What the first layer reads. REQUIRES: CheckStream().
  const TensorRecord& Input() const {
    const uint16_t convert = phase_.params.convert_op;
    return convert == kNoConversion ? check_.input() : phase_.Operator(convert).output();
  }

  /// Only the slabs of a streamed input are columns.
  bool InputIsSound(const FusedBlock& block) const {
    const bool slab = phase_.params.stream == FusedStream::kSlabs && next_layer_ == 0;
    return slab == (block.input.columns != 0) && PlaceFits(block.input, map_) &&
           (!slab || block.order == FusedOrder::kColumns);
  }

  /// What the last layer makes is the output, or what the pool reads.
  bool CheckEnd() const {
    if (!pools()) return IsMap(check_.output()) && map_ == ShapeOf(check_.output());
    if (!HasOperator(phase_.params.pool_op)) return false;
    const OpContext pool = phase_.Operator(phase_.params.pool_op);
    return pool.op->output == check_.op->output && IsMap(pool.input()) &&
           map_ == ShapeOf(pool.input()) && IsPool(pool);
  }

  /// Where the block writes: `map_`, or its sums.
  bool CheckOutput(const FusedBlock& block) const {
    const bool is_last = next_layer_ == phase_.params.layers;
    if (!pools() || !is_last) return PlaceFits(block.output, map_);
    const uint64_t each = block.order == FusedOrder::kPoolChannels ? 1 : sizeof(int32_t);
    return check_.InArena(phase_.params.pool_offset, each * map_.channels);
  }

  bool PlaceFits(const FusedPlace& place, const MapShape& map) const {
    const uint64_t columns = place.columns == 0 ? map.width : place.columns;
    return place.rows != 0 && check_.InArena(place.offset, columns * place.rows * map.channels);
  }

  bool CheckBlock(const FusedBlock& block) {
    if (block.layers == 0 || block.layers > kMaxFusedLayers || block.height == 0 ||
        block.layers > phase_.params.layers - next_layer_ || !InputIsSound(block) ||
        block.output.columns != 0 || block.order > FusedOrder::kPatches || block.reserved != 0 ||
        (block.width != 0) != (block.order == FusedOrder::kPatches) || !CheckInputKeeps(block)) {
      return false;
    }
    const bool sliced = block.order == FusedOrder::kChannels;
    const FusedLayer* layers = phase_.layers + next_layer_;
    for (uint32_t l = 0; l < block.layers; ++l, ++next_layer_) {
      if (l > 0 && !sliced && !PlaceFits(layers[l].input, map_)) return false;
      if (!CheckLayer(layers[l], block)) return false;
    }
    if (sliced && !CheckSlices(block, layers)) return false;
    if (block.order == FusedOrder::kPoolChannels) {
      return CheckPoolChannels(layers[0]) && CheckOutput(block);
    }
    return CheckOutput(block) && check_.InArena(block.staged, map_.channels);
  }

  /// Of a block whose layer is sound: that it is all of a phase that pools.
  bool CheckPoolChannels(const FusedLayer& layer) const {
    const OpContext op = phase_.Operator(layer.op);
    return pools() && phase_.params.layers == 1 && op.op->kind == OpKind::kConv2D &&
           op.op->form == WeightForm::kPlain && WindowOf(op).pointwise();
  }

  /// Of a block whose layers are sound: that they are what slices take, and the plane and the sums.
  bool CheckSlices(const FusedBlock& block, const FusedLayer* layers) const {
    if (block.layers != 3) return false;
    constexpr OpKind kKinds[] = {OpKind::kConv2D, OpKind::kDepthwiseConv2D, OpKind::kConv2D};
    bool is_plain = true;
    for (uint32_t l = 0; l < 3; ++l) {
      const OpContext op = phase_.Operator(layers[l].op);
      const bool is_it =
          op.op->kind == kKinds[l] &&
          (l == 1 ? op.params<ConvParams>().depth_multiplier == 1 : WindowOf(op).pointwise());
      if (!is_it) return false;
      is_plain = is_plain && op.op->form == WeightForm::kPlain;
    }
    const MapShape expanded = ShapeOf(phase_.Operator(layers[0].op).output());
    const FusedPlace& plane = layers[1].input;
    const FusedPlace& sums = layers[2].input;
    return plane.rows != 0 && sums.rows != 0 &&
           check_.InArena(plane.offset, uint64_t{plane.rows} * expanded.width) &&
           check_.InArena(sums.offset, uint64_t{sums.rows} * map_.width * map_.channels * 4) &&
           (is_plain || CheckSlicedForms(block, layers));
  }

  /// That the forms go together, and that what an iteration needs is there.
  bool CheckSlicedForms(const FusedBlock& block, const FusedLayer* layers) const {
    const OpContext expand = phase_.Operator(layers[0].op);
    const OpContext depthwise = phase_.Operator(layers[1].op);
    const WeightForm project = phase_.Operator(layers[2].op).op->form;
    const bool wide = project == WeightForm::kSlicedInt16;
    if ((!wide && project != WeightForm::kSlicedInt8) ||
        depthwise.op->form != WeightForm::kSlicedInt16 ||
        expand.op->form != (wide ? WeightForm::kDirectInt16 : WeightForm::kDirectInt8)) {
      return false;
    }
    const auto& params = depthwise.params<ConvParams>();
    const uint64_t height = block.height < map_.height ? block.height : map_.height;
    const uint64_t needed = (height - 1) * params.stride_h + params.kernel_h;
    const uint64_t rows = needed < expand.output().dims[1] ? needed : expand.output().dims[1];
    const uint64_t row = MakeDepthwiseStrip(height, map_.width, params.stride_h, params.stride_w,
                                            params.kernel_h, params.kernel_w)
                             .row;
    return rows <= layers[1].input.rows && height <= layers[2].input.rows &&
           SlicesHaveRoom(height, map_.width, params.kernel_h, row);
  }

  /// The operator `op` of the phase; its own prepare has been kOk, since it comes before.
  bool HasOperator(uint16_t op) const {
    return op < phase_.params.ops && (phase_.Operator(op).op->flags & kOpIsFused) != 0;
  }

  bool CheckInputKeeps(const FusedBlock& block) const {
    if (uint32_t{block.first_keep} + block.keeps > phase_.params.keeps) return false;
    if (block.keeps != 0 && block.input.columns != 0) return false;
    for (uint32_t i = 0; i < block.keeps; ++i) {
      const FusedKeep& keep = phase_.keeps[block.first_keep + i];
      if (keep.rows_of != kNewRows || keep.place.columns != 0 || !PlaceFits(keep.place, map_)) {
        return false;
      }
    }
    return true;
  }

  bool CheckLayer(const FusedLayer& layer, const FusedBlock& block) {
    if (!HasOperator(layer.op)) return false;
    const OpContext op = phase_.Operator(layer.op);
    if ((KernelOf(op).pixel == nullptr && block.order != FusedOrder::kChannels) ||
        !IsMap(op.input()) || !IsMap(op.output()) || ShapeOf(op.input()) != map_) {
      return false;
    }
    map_ = ShapeOf(op.output());
    return CheckSums(layer, block) && CheckKeeps(layer, block);
  }

  bool CheckSums(const FusedLayer& layer, const FusedBlock& block) const {
    if (uint32_t{layer.first_sum} + layer.sums > phase_.params.sums) return false;
    for (uint32_t i = 0; i < layer.sums; ++i) {
      const FusedSum& sum = phase_.sums[layer.first_sum + i];
      if (!HasOperator(sum.op) || sum.operand > 1 || sum.map > block.layers) return false;
      const OpContext add = phase_.Operator(sum.op);
      if (KernelOf(add).sum == nullptr || add.params<AddParams>().broadcast_offset != 0 ||
          !IsMap(add.output()) || ShapeOf(add.output()) != map_ || !PlaceFits(sum.place, map_)) {
        return false;
      }
    }
    return true;
  }

  bool CheckKeeps(const FusedLayer& layer, const FusedBlock& block) const {
    if (uint32_t{layer.first_keep} + layer.keeps > phase_.params.keeps) return false;
    for (uint32_t i = 0; i < layer.keeps; ++i) {
      const FusedKeep& keep = phase_.keeps[layer.first_keep + i];
      const bool rows =
          keep.rows_of == kAllRows || keep.rows_of == kNewRows || keep.rows_of < block.layers;
      if (!rows || keep.reserved != 0 || !PlaceFits(keep.place, map_)) return false;
    }
    return true;
  }

  const OpCheck& check_;
  const FusedPhase phase_;
  MapShape map_;
  uint32_t next_layer_ = 0;
};

}  // namespace

Code PrepareFusedPhase(const OpCheck& check) {
  if (!check.Has<FusedParams>(1)) return Code::kInvalidArgument;
  return PhaseCheck(check).Run() ? Code::kOk : Code::kInvalidArgument;
}

}  // namespace tinyrig::runtime
