#include "firmware/compiler/lowering/fused.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "firmware/compiler/fusion/fusion_json.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/notation.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/lowering/fused_tables.h"
#include "firmware/compiler/lowering/lower.h"
#include "firmware/compiler/lowering/section.h"

namespace tinyrig::compiler {
namespace {

using runtime::FusedParams;
using runtime::OpKind;

/// Places of the device are words.
int64_t Words(int64_t bytes) { return AlignUp(bytes, int64_t{runtime::kOffsetAlignment}); }

class FusedLowering {
 public:
  FusedLowering(const Graph& graph, const Variant& variant, const GraphChain& found,
                FusionPlan plan)
      : graph_(graph), variant_(variant), found_(found), chain_(found.chain) {
    program_.plan = std::move(plan);
  }

  Result<FusedProgram> Run() {
    FindPool();
    TRY(FindStream());
    std::vector<size_t> tail_ops = found_.tail_ops;
    if (pool_) std::erase(tail_ops, *pool_);
    if (!streams_) {
      TRY_ASSIGN(head_, LowerSection(graph_, found_.head_ops, graph_.inputs, variant_));
    }
    TRY_ASSIGN(tail_, LowerSection(graph_, tail_ops, {LastTensor()}, variant_));
    PlaceOutside();
    PlaceMaps();
    if (!streams_) {
      AppendSection(head_);
      MoveInput();
    }
    FindOperands();
    for (const PlannedPhase& phase : program_.plan.phases) TRY(AddPhase(phase));
    MoveLastMap();
    AppendSection(tail_);
    return std::move(program_);
  }

 private:
  ArenaLayout& layout() { return program_.layout; }
  uint32_t Tensor(int32_t map) const { return found_.maps[static_cast<size_t>(map)]; }
  /// What the last phase leaves: the last map, or its mean.
  uint32_t LastTensor() const {
    return pool_ ? static_cast<uint32_t>(graph_.ops[*pool_].outputs[0]) : Tensor(chain_.size());
  }
  uint64_t& OffsetOf(int32_t map) { return layout().tensor_offsets[Tensor(map)]; }

  /// The operator that a plan does away with when it sums the last map up.
  void FindPool() {
    const PlannedPhase& last = program_.plan.phases.back();
    if (FindPart(last, PartKind::kPoolSums, last.end) == nullptr) return;
    pool_ = *std::ranges::find_if(found_.tail_ops, [&](size_t i) {
      return std::ranges::count(graph_.ops[i].inputs, static_cast<int32_t>(Tensor(last.end))) > 0;
    });
  }

  static bool IsConversion(OpKind kind) {
    return kind == OpKind::kLookup || kind == OpKind::kQuantize;
  }

  /// Whether the first phase takes rows or columns of the input when it needs them. At most one
  /// operator may come before, value by value.
  Status FindStream() {
    const PlannedPhase& first = program_.plan.phases.front();
    streams_ = FindPart(first, PartKind::kInputRows, 0) != nullptr ||
               FindPart(first, PartKind::kInputSlab, 0) != nullptr;
    if (!streams_ || found_.head_ops.empty()) return OkStatus();
    TRY_ASSIGN(
        const std::vector<LoweredOp> steps,
        LowerOne(graph_, graph_.ops[found_.head_ops.front()], variant_, Placement::kInPhase));
    if (found_.head_ops.size() == 1 && IsConversion(steps.front().kind)) {
      return OkStatus();
    }
    return {Code::kUnimplemented,
            fmt::format("{} comes before the layers to fuse, which no firmware executes on a "
                        "streamed input; use input=outside or resident",
                        graph_.ops[found_.head_ops.front()].Describe())};
  }

  /// What the plan has outside of its arena lies behind it. The operators before and after are
  /// moved to where the phases read and write, if there is room.
  void PlaceOutside() {
    const FusionPlan& plan = program_.plan;
    int64_t top = plan.arena_bytes;
    const auto place = [&](const ArenaPart* part, int32_t map) {
      if (part != nullptr) return part->offset;
      const int64_t at = Words(top);
      top = at + chain_.MapBytes(map);
      return at;
    };
    const int32_t last = chain_.size();
    const ArenaPart* pooled = FindPart(plan.phases.back(), PartKind::kPoolSums, last);
    outside_.output = place(
        pooled != nullptr ? pooled : FindPart(plan.phases.back(), PartKind::kOutput, last), last);
    if (!streams_) outside_.input = place(FindPart(plan.phases.front(), PartKind::kInput, 0), 0);
    layout().bytes = std::max({head_.layout.bytes, tail_.layout.bytes, static_cast<uint64_t>(top)});
    layout().lower_bound = layout().bytes;
    if (!streams_) {
      MoveSection(head_, Tensor(0), static_cast<uint64_t>(outside_.input), layout().bytes);
    }
    MoveSection(tail_, LastTensor(), static_cast<uint64_t>(outside_.output), layout().bytes);
  }

  /// Of maps that exist as a whole between the first and the last.
  void PlaceMaps() {
    layout().tensor_offsets.assign(graph_.tensors.size(), ArenaLayout::kUnplaced);
    for (const auto* ops : {&found_.layer_ops, &found_.skip_ops}) {
      for (const size_t i : *ops) {
        const auto made = static_cast<size_t>(graph_.ops[i].outputs[0]);
        layout().tensor_offsets[made] = kInner;
      }
    }
    if (streams_) {
      OffsetOf(0) = kInner;
      layout().tensor_offsets[graph_.inputs[0]] = ArenaLayout::kStreamed;
    }
    for (const PlannedPhase& phase : program_.plan.phases) {
      for (const ArenaPart& part : phase.parts) {
        const bool whole = part.kind == PartKind::kOutput ||
                           (part.kind == PartKind::kKept && OffsetOf(part.map) == kInner);
        if (whole) OffsetOf(part.map) = static_cast<uint64_t>(part.offset);
      }
    }
  }

  void AppendSection(Section& section) {
    const size_t first_op = program_.ops.size();
    if (&section == &tail_) {
      layout().buffers.insert(layout().buffers.end(), fused_buffers_.begin(), fused_buffers_.end());
    }
    AppendLayout(section, first_op, layout());
    for (LoweredOp& op : section.ops) program_.ops.push_back(std::move(op));
  }

  void FindOperands() {
    for (size_t i = 0; i < chain_.skips.size(); ++i) {
      const Op& add = graph_.ops[found_.skip_ops[i]];
      const auto waiting = static_cast<int32_t>(Tensor(chain_.skips[i].from));
      operands_.push_back(add.inputs[0] == waiting ? 0 : 1);
    }
  }

  /// The operator that makes a map.
  const Op& MakerOf(int32_t map) const {
    size_t maker = found_.layer_ops[static_cast<size_t>(map - 1)];
    for (size_t i = 0; i < chain_.skips.size(); ++i) {
      if (chain_.skips[i].to == map) maker = found_.skip_ops[i];
    }
    return graph_.ops[maker];
  }

  void AddMove(const MapMove& move, bool completes) {
    LoweredOp op;
    op.kind = OpKind::kMove;
    op.name = "MOVE";
    op.tflite_op = move.map == 0 ? 0 : MakerOf(move.map).tflite_index;
    op.output = Tensor(move.map);
    op.is_part = !completes;
    op.params = ToBytes(runtime::MoveParams{.from = static_cast<uint32_t>(move.from),
                                            .to = static_cast<uint32_t>(move.to),
                                            .bytes = static_cast<uint32_t>(move.bytes)});
    program_.ops.push_back(std::move(op));
  }

  /// An operator of a phase, with the parameters that it would have alone.
  Status AddMember(size_t graph_op, const PlannedPhase& phase, bool plain,
                   Placement placement = Placement::kInPhase) {
    Variant variant = variant_;
    if (plain) variant.kernels = runtime::KernelSetId::kReference;
    TRY_ASSIGN(std::vector<LoweredOp> steps,
               LowerOne(graph_, graph_.ops[graph_op], variant, placement));
    for (LoweredOp& step : steps) {
      step.is_fused = true;
      step.macs = 0;
      step.note = fmt::format("in the fused phase [{}]", BlocksOf(phase));
      program_.ops.push_back(std::move(step));
    }
    return OkStatus();
  }

  Status AddLayers(const PlannedPhase& phase) {
    for (size_t i = 0; i < phase.blocks.size(); ++i) {
      const FusedBlock& block = phase.blocks[i];
      if (block.mode == BlockMode::kChannels) {
        TRY(AddSlices(phase, block));
        continue;
      }
      // A last layer that is pooled channel by channel is computed in the plain form.
      const bool plain =
          FindPart(phase, PartKind::kStaged, block.last + 1, static_cast<int32_t>(i)) == nullptr;
      for (int32_t l = block.first; l <= block.last; ++l) TRY(AddMember(LayerOp(l), phase, plain));
    }
    return OkStatus();
  }

  size_t LayerOp(int32_t layer) const { return found_.layer_ops[static_cast<size_t>(layer)]; }

  /// The three layers of slices in the forms that go together, or all plain.
  Status AddSlices(const PlannedPhase& phase, const FusedBlock& block) {
    const size_t before = program_.ops.size();
    if (variant_.kernels == runtime::KernelSetId::kDsp && SlicesHaveRoom(block)) {
      TRY(AddMember(LayerOp(block.first), phase, false));
      TRY(AddMember(LayerOp(block.first + 1), phase, false, Placement::kSliced));
      TRY(AddMember(LayerOp(block.last), phase, false, Placement::kSliced));
      const bool packed = std::ranges::none_of(
          program_.ops.begin() + static_cast<std::ptrdiff_t>(before), program_.ops.end(),
          [](const LoweredOp& op) { return op.form == runtime::WeightForm::kPlain; });
      if (packed) return OkStatus();
      program_.ops.erase(program_.ops.begin() + static_cast<std::ptrdiff_t>(before),
                         program_.ops.end());
    }
    for (int32_t l = block.first; l <= block.last; ++l) TRY(AddMember(LayerOp(l), phase, true));
    return OkStatus();
  }

  bool SlicesHaveRoom(const FusedBlock& block) const {
    const auto& middle = chain_.layer(block.first + 1);
    const auto kernel_h = static_cast<uint64_t>(middle.kernel_h);
    const auto height = static_cast<uint64_t>(std::min(block.height, chain_.Height(block.last)));
    const auto width = static_cast<uint64_t>(chain_.Width(block.last + 1));
    const uint64_t row =
        runtime::MakeDepthwiseStrip(height, width, static_cast<uint64_t>(middle.stride_h),
                                    static_cast<uint64_t>(middle.stride_w), kernel_h,
                                    static_cast<uint64_t>(middle.kernel_w))
            .row;
    return runtime::SlicesHaveRoom(height, width, kernel_h, row);
  }

  static std::string BlocksOf(const PlannedPhase& phase) {
    std::string text;
    for (const FusedBlock& block : phase.blocks) {
      if (!text.empty()) text += " ~ ";
      text += ToString(block);
    }
    return text;
  }

  Status AddPhase(const PlannedPhase& phase) {
    TRY_ASSIGN(FusedTables tables, MakeFusedTables(chain_, phase, outside_, operands_));
    const auto first = static_cast<uint32_t>(program_.ops.size());
    for (const MapMove& move : phase.moves) {
      AddMove(move, false);
      program_.ops.back().output = phase.end == chain_.size() ? LastTensor() : Tensor(phase.end);
    }
    const size_t members = program_.ops.size();
    TRY(AddLayers(phase));
    for (const size_t skip : tables.skips) TRY(AddMember(found_.skip_ops[skip], phase, false));
    const bool converts = streams_ && phase.begin == 0 && !found_.head_ops.empty();
    if (converts) TRY(AddMember(found_.head_ops.front(), phase, false));
    if (tables.pool != nullptr) TRY(AddMember(*pool_, phase, false));
    LoweredOp op = PhaseOp(phase, tables, program_.ops.size() - members);
    program_.ops.push_back(std::move(op));
    const auto last = static_cast<uint32_t>(program_.ops.size() - 1);
    for (const ArenaPart& part : phase.parts) {
      fused_buffers_.push_back(
          {fmt::format("{} {}", PartName(part.kind), graph_.tensors[Tensor(part.map)].name),
           {Tensor(part.map)},
           static_cast<uint64_t>(part.offset),
           static_cast<uint64_t>(part.bytes),
           first,
           last});
    }
    return OkStatus();
  }

  LoweredOp PhaseOp(const PlannedPhase& phase, const FusedTables& tables, size_t members) const {
    const auto count = [](const auto& table) { return static_cast<uint16_t>(table.size()); };
    LoweredOp op;
    op.kind = OpKind::kFusedPhase;
    op.name = "FUSED";
    const bool streams = streams_ && phase.begin == 0;
    op.inputs = {streams ? graph_.inputs[0] : Tensor(phase.begin)};
    op.output = phase.end == chain_.size() ? LastTensor() : Tensor(phase.end);
    op.tflite_op =
        tables.pool != nullptr ? graph_.ops[*pool_].tflite_index : MakerOf(phase.end).tflite_index;
    op.macs = static_cast<uint64_t>(phase.macs);
    op.note = fmt::format("layers [{}], {} B", BlocksOf(phase), phase.ram);
    op.params = ToBytes(FusedParams{.ops = static_cast<uint16_t>(members),
                                    .blocks = count(tables.blocks),
                                    .layers = count(tables.layers),
                                    .sums = count(tables.sums),
                                    .keeps = count(tables.keeps),
                                    .pool_op = PoolNumber(tables, members),
                                    .pool_offset = PoolOffset(tables),
                                    .convert_op = ConversionNumber(phase, tables, members),
                                    .stream = tables.stream,
                                    .reserved = 0,
                                    .blocks_offset = 0,
                                    .layers_offset = 0,
                                    .sums_offset = 0,
                                    .keeps_offset = 0});
    op.constants = {{ToBytes(tables.blocks), offsetof(FusedParams, blocks_offset), false},
                    {ToBytes(tables.layers), offsetof(FusedParams, layers_offset), false},
                    {ToBytes(tables.sums), offsetof(FusedParams, sums_offset), false},
                    {ToBytes(tables.keeps), offsetof(FusedParams, keeps_offset), false}};
    return op;
  }

  /// The pool is the last of a phase's operators.
  static uint16_t PoolNumber(const FusedTables& tables, size_t members) {
    return tables.pool != nullptr ? static_cast<uint16_t>(members - 1) : runtime::kNoPool;
  }
  /// The operator before the layers comes before it.
  uint16_t ConversionNumber(const PlannedPhase& phase, const FusedTables& tables,
                            size_t members) const {
    if (!streams_ || phase.begin != 0 || found_.head_ops.empty()) return runtime::kNoConversion;
    return static_cast<uint16_t>(members - (tables.pool != nullptr ? 2 : 1));
  }
  static uint32_t PoolOffset(const FusedTables& tables) {
    return tables.pool != nullptr ? static_cast<uint32_t>(tables.pool->offset) : 0;
  }

  /// To where the first phase reads it.
  void MoveInput() {
    const auto from = static_cast<int64_t>(head_.OffsetOf(Tensor(0)));
    if (from != outside_.input) AddMove({0, from, outside_.input, chain_.MapBytes(0)}, false);
  }

  /// To where the tail wants it.
  void MoveLastMap() {
    const int32_t map = chain_.size();
    const auto to = static_cast<int64_t>(tail_.OffsetOf(LastTensor()));
    if (to == outside_.output) return;
    LoweredOp& phase = program_.ops.back();
    phase.is_part = true;
    const std::string name = phase.name;
    const uint32_t phase_op = phase.tflite_op;
    const uint64_t macs = std::exchange(phase.macs, 0);
    const auto bytes = static_cast<int64_t>(graph_.tensors[LastTensor()].Bytes());
    AddMove({map, outside_.output, to, bytes}, true);
    program_.ops.back().output = LastTensor();
    program_.ops.back().tflite_op = phase_op;
    // What is seen is the output where it ends up, and what the phase took for it.
    program_.ops.back().name = name;
    program_.ops.back().macs = macs;
  }

  static constexpr uint64_t kInner = ArenaLayout::kInner;

  const Graph& graph_;
  const Variant& variant_;
  const GraphChain& found_;
  const Chain& chain_;
  FusedProgram program_;
  std::optional<size_t> pool_;  ///< Of the graph's operators.
  bool streams_ = false;        ///< The input.
  Section head_;
  Section tail_;
  OutsidePlaces outside_;  ///< Wherever phases read the network's input and write the last map.
  std::vector<uint8_t> operands_;  ///< By skip: which input of its ADD is the older map.
  std::vector<PlannedBuffer> fused_buffers_;
};

}  // namespace

Result<FusedProgram> LowerFused(const Graph& graph, const Variant& variant) {
  TRY_ASSIGN(const FusionSetting setting, ParseFusionSetting(variant.fusion));
  TRY_ASSIGN(const GraphChain found, FindChain(graph));
  if (IsFront(setting)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("fusion={} is many plans, one blob has one; use f_max=, ram= or "
                              "min_ram",
                              variant.fusion));
  }
  TRY_ASSIGN(std::vector<FusionPlan> plans, PlanFusion(found.chain, setting, "exact"));
  TRY(CheckExecutable(found, plans.front()));
  return FusedLowering(graph, variant, found, std::move(plans.front())).Run();
}

Status CheckExecutable(const GraphChain& trunk, const FusionPlan& plan) {
  if (!plan.has_places) {
    return {Code::kUnimplemented, "the literature's caches give no places; use the preset exact"};
  }
  const std::vector<uint8_t> operands(trunk.chain.skips.size());
  for (const PlannedPhase& phase : plan.phases) {
    TRY(MakeFusedTables(trunk.chain, phase, {}, operands));
  }
  return OkStatus();
}

}  // namespace tinyrig::compiler
