#include "firmware/compiler/fusion/fusion_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "firmware/compiler/fusion/notation.h"
#include "firmware/compiler/fusion/patch.h"
#include "firmware/compiler/fusion/phase.h"

namespace tinyrig::compiler {
namespace {

/// Puts one part above the other.
class PhaseLayout {
 public:
  PhaseLayout(const Chain& chain, const CostRules& rules, const std::vector<FusedBlock>& blocks)
      : chain_(chain), rules_(rules), blocks_(blocks) {
    phase_.begin = blocks.front().first;
    phase_.end = blocks.back().last + 1;
    phase_.blocks = blocks;
  }

  PlannedPhase Run(int64_t arena_bytes) {
    PlaceMaps();
    PlaceRings();
    PlaceCaches();
    PlaceKept(arena_bytes);
    for (const FusedBlock& block : blocks_) phase_.macs += BlockMacs(chain_, block);
    return std::move(phase_);
  }

 private:
  bool several() const { return blocks_.size() > 1; }

  void Put(ArenaPart part, int64_t at) {
    part.offset = at;
    phase_.parts.push_back(part);
  }
  void Stack(ArenaPart part) {
    Put(part, top_);
    top_ += AlignUp(part.bytes, rules_.alignment);
  }

  ArenaPart MapPart(PartKind kind, int32_t map) const {
    return {.kind = kind,
            .map = map,
            .columns = chain_.Width(map),
            .rows = chain_.Height(map),
            .bytes = chain_.MapBytes(map)};
  }
  ArenaPart RowsPart(PartKind kind, int32_t map, int32_t rows) const {
    return {.kind = kind,
            .map = map,
            .columns = chain_.Width(map),
            .rows = rows,
            .bytes = rows * chain_.RowBytes(map)};
  }

  /// Output at the bottom, input above it as far as it must.
  void PlaceMaps() {
    const FusedBlock& first = blocks_.front();
    const int32_t end = phase_.end;
    const bool pools = rules_.output == OutputPlace::kPooled && chain_.tail.pools;
    const bool last = end == chain_.size();
    if (last && pools) {
      const int32_t channels = chain_.Channels(end);
      const int64_t each = PoolsByChannel(chain_, first, end, several(), rules_) ? 1 : 4;
      Put({.kind = PartKind::kPoolSums, .map = end, .bytes = each * channels}, 0);
    } else if (!last || rules_.output != OutputPlace::kElsewhere) {
      Put(MapPart(PartKind::kOutput, end), 0);
    }
    const int64_t maps = MapsBytes(chain_, first, end, several(), rules_);
    const std::optional<ArenaPart> input = InputPart();
    input_on_top_ =
        input && input->kind == PartKind::kInput && InputOutlives(chain_, phase_.begin, end);
    top_ = maps - (input ? AlignUp(input->bytes, rules_.alignment) : 0);
    if (input && !input_on_top_) Stack(*input);
  }

  std::optional<ArenaPart> InputPart() const {
    if (phase_.begin != 0) return MapPart(PartKind::kInput, phase_.begin);
    const int64_t bytes = InputBytes(chain_, blocks_.front(), rules_);
    const int32_t rows =
        TileHeights(chain_, blocks_.front().first, blocks_.front().last, blocks_.front().height)
            .front();
    switch (rules_.input) {
      case InputPlace::kElsewhere:
        break;
      case InputPlace::kResident:
        return MapPart(PartKind::kInput, 0);
      case InputPlace::kRows:
        return RowsPart(PartKind::kInputRows, 0, rows);
      case InputPlace::kSlabs:
        return ArenaPart{.kind = PartKind::kInputSlab,
                         .map = 0,
                         .columns = chain_.layer(0).kernel_w + 1,
                         .rows = rows,
                         .bytes = bytes};
    }
    return std::nullopt;
  }

  void PlaceRings() {
    for (size_t i = 1; i < blocks_.size(); ++i) {
      const int32_t rows = RingRows(chain_, blocks_[i], blocks_[i - 1].height);
      Stack(RowsPart(PartKind::kRing, blocks_[i].first, rows));
    }
    for (const Skip& skip : chain_.skips) {
      const auto from = BlockOf([&](const FusedBlock& block) {
        return block.first <= skip.from && skip.from <= block.last;
      });
      const auto to = BlockOf([&](const FusedBlock& block) {
        return block.first < skip.to && skip.to <= block.last + 1;
      });
      if (!from || !to || *from >= *to) continue;
      SkipDemand demand = BeginDemand(chain_, skip, blocks_[*to]);
      for (size_t i = *to - 1; i > *from; --i) {
        demand = ThroughProducer(chain_, std::move(demand), blocks_[i]);
      }
      ArenaPart ring =
          RowsPart(PartKind::kSkipRing, skip.from, SkipRingRows(chain_, demand, blocks_[*from]));
      ring.sum = skip.to;
      Stack(ring);
    }
  }

  template <typename Predicate>
  std::optional<size_t> BlockOf(const Predicate& predicate) const {
    const auto found = std::ranges::find_if(blocks_, predicate);
    if (found == blocks_.end()) return std::nullopt;
    return static_cast<size_t>(found - blocks_.begin());
  }

  /// Blocks run in turn: all caches begin at the same place.
  void PlaceCaches() {
    const int64_t bottom = top_;
    int64_t highest = bottom;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (PoolsByChannel(chain_, blocks_[i], phase_.end, several(), rules_)) continue;
      top_ = bottom;
      for (ArenaPart part : BlockCaches(chain_, blocks_[i])) {
        part.block = static_cast<int32_t>(i);
        if (part.kind == PartKind::kPatchMaps) PlacePatchMaps(blocks_[i]);
        Stack(part);
      }
      highest = std::max(highest, top_);
    }
    top_ = highest;
  }

  void PlacePatchMaps(const FusedBlock& block) {
    phase_.patch_maps = LayOutPatch(chain_, block).maps;
    for (ArenaPart& map : phase_.patch_maps) map.offset += top_;
  }

  /// From the arena's end down, the oldest map highest.
  void PlaceKept(int64_t arena_bytes) {
    std::vector<int32_t> maps = KeptMaps(chain_, phase_.begin, phase_.end, rules_);
    if (input_on_top_) maps.push_back(phase_.begin);
    std::ranges::sort(maps);
    int64_t at = arena_bytes;
    for (const int32_t map : maps) {
      at -= AlignUp(chain_.MapBytes(map), rules_.alignment);
      const bool is_input = input_on_top_ && map == phase_.begin;
      Put(MapPart(is_input ? PartKind::kInput : PartKind::kKept, map), at);
    }
    phase_.ram = top_ + arena_bytes - at;
  }

  const Chain& chain_;
  const CostRules& rules_;
  const std::vector<FusedBlock>& blocks_;
  PlannedPhase phase_;
  int64_t top_ = 0;
  bool input_on_top_ = false;
};

bool IsInputOrOutput(const Chain& chain, const ArenaPart& part) {
  switch (part.kind) {
    case PartKind::kInput:
    case PartKind::kInputRows:
    case PartKind::kInputSlab:
      return part.map == 0;
    case PartKind::kOutput:
    case PartKind::kPoolSums:
      return part.map == chain.size();
    default:
      return false;
  }
}

/// Where maps are from phase to phase.
class Mover {
 public:
  void Arrange(PlannedPhase& phase) {
    // Older maps lie higher and go first; all go up.
    for (const PartKind kind : {PartKind::kKept, PartKind::kInput}) {
      for (const ArenaPart& part : phase.parts) {
        if (part.kind == kind) Move(part, phase);
      }
    }
    for (const ArenaPart& part : phase.parts) {
      if (part.kind == PartKind::kOutput) places_[part.map] = part.offset;
    }
  }

 private:
  void Move(const ArenaPart& part, PlannedPhase& phase) {
    const auto [place, is_new] = places_.try_emplace(part.map, part.offset);
    if (!is_new && place->second != part.offset) {
      phase.moves.push_back({part.map, place->second, part.offset, part.bytes});
    }
    place->second = part.offset;
  }

  std::map<int32_t, int64_t> places_;
};

void AddPeaks(const Chain& chain, const CostRules& rules, FusionPlan& plan) {
  for (size_t i = 0; i < plan.phases.size(); ++i) {
    const PlannedPhase& phase = plan.phases[i];
    int64_t without_io = phase.ram;
    for (const ArenaPart& part : phase.parts) {
      if (IsInputOrOutput(chain, part)) without_io -= AlignUp(part.bytes, rules.alignment);
    }
    plan.peak_ram_without_io_bytes = std::max(plan.peak_ram_without_io_bytes, without_io);
    if (phase.ram > plan.phases[plan.peak_phase].ram) plan.peak_phase = i;
  }
  plan.peak_ram_bytes = plan.arena_bytes;
  if (rules.input == InputPlace::kElsewhere) plan.peak_ram_bytes += chain.MapBytes(0);
  if (rules.output == OutputPlace::kElsewhere) {
    plan.peak_ram_bytes += chain.MapBytes(chain.size());
  }
}

}  // namespace

PlannedPhase LayOutPhase(const Chain& chain, const CostRules& rules,
                         const std::vector<FusedBlock>& blocks, int64_t arena_bytes) {
  return PhaseLayout(chain, rules, blocks).Run(arena_bytes);
}

FusionPlan LayOut(const Chain& chain, const CostRules& rules, const PhaseList& list) {
  FusionPlan plan;
  plan.macs_unfused = chain.Macs();
  plan.has_places = !rules.published_caches;
  for (const PhaseChoice& phase : list.phases) {
    const int64_t ram =
        plan.has_places ? LayOutPhase(chain, rules, phase.blocks, 0).ram : phase.ram;
    plan.arena_bytes = std::max(plan.arena_bytes, ram);
  }
  Mover mover;
  for (const PhaseChoice& phase : list.phases) {
    if (plan.has_places) {
      plan.phases.push_back(LayOutPhase(chain, rules, phase.blocks, plan.arena_bytes));
      mover.Arrange(plan.phases.back());
    } else {
      plan.phases.push_back({.begin = phase.begin,
                             .end = phase.end,
                             .blocks = phase.blocks,
                             .moves = {},
                             .parts = {},
                             .patch_maps = {},
                             .ram = phase.ram,
                             .macs = phase.macs});
    }
    plan.macs += plan.phases.back().macs;
  }
  AddPeaks(chain, rules, plan);
  // A tail that sums the last map up needs little, and is not the literature's to count.
  if (plan.has_places && (!chain.tail.pools || rules.output != OutputPlace::kElsewhere)) {
    for (int64_t* bytes :
         {&plan.arena_bytes, &plan.peak_ram_bytes, &plan.peak_ram_without_io_bytes}) {
      *bytes = std::max(*bytes, chain.tail.bytes);
    }
  }
  return plan;
}

Status CheckPhase(const Chain& chain, const CostRules& rules,
                  const std::vector<FusedBlock>& blocks) {
  const auto invalid = [](const FusedBlock& block, std::string_view why) {
    return Status(Code::kInvalidArgument, fmt::format("block {} {}", ToString(block), why));
  };
  for (size_t i = 0; i < blocks.size(); ++i) {
    const FusedBlock& block = blocks[i];
    if (block.height < 1 || block.height > chain.Height(block.last + 1)) {
      return invalid(block,
                     fmt::format("has a height that is not in 1 to {}, the rows of its output",
                                 chain.Height(block.last + 1)));
    }
    if (block.mode == BlockMode::kChannels && !CanSliceChannels(chain, block.first, block.last)) {
      return invalid(block,
                     "cannot be sliced by channels: that takes a 1x1, a depthwise and a 1x1 "
                     "convolution and no sum that begins or ends between them; leave out the 'c'");
    }
    if (block.mode == BlockMode::kPatch &&
        (blocks.size() > 1 || block.width < 1 || block.width > chain.Width(block.last + 1))) {
      return invalid(block, fmt::format("makes patches: it must be alone in its phase, and {} "
                                        "columns wide at most",
                                        chain.Width(block.last + 1)));
    }
    if (!BlockPossible(chain, block, rules)) {
      return invalid(block,
                     "cannot read the input in slabs: patches and channel slices take whole rows; "
                     "leave out the 'p' or 'c', or use input=rows");
    }
    if (i > 0 && RingRows(chain, block, blocks[i - 1].height) == 0) {
      return invalid(block, "never reads the last rows of its input; end the phase before it");
    }
  }
  return OkStatus();
}

}  // namespace tinyrig::compiler
