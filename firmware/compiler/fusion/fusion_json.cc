#include "firmware/compiler/fusion/fusion_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "firmware/compiler/fusion/notation.h"

namespace tinyrig::compiler {
namespace {

using nlohmann::ordered_json;

/// Where a part of a phase or of its largest block is counted; maps are counted together.
int64_t* Counter(const Chain& chain, const ArenaPart& part, RamByPart& ram) {
  switch (part.kind) {
    case PartKind::kInput:
    case PartKind::kInputRows:
    case PartKind::kInputSlab:
      return part.map == 0 ? &ram.io : nullptr;
    case PartKind::kOutput:
    case PartKind::kPoolSums:
      return part.map == chain.size() ? &ram.io : nullptr;
    case PartKind::kKept:
    case PartKind::kSkipRing:
    case PartKind::kSkipColumns:
      return &ram.skips;
    case PartKind::kRing:
      return &ram.rings;
    case PartKind::kStaged:
      return &ram.scratch;
    default:
      return &ram.caches;
  }
}

/// The block whose caches reach highest; -1 when there are none.
int32_t LargestBlock(const PlannedPhase& phase) {
  int32_t largest = -1;
  int64_t highest = -1;
  for (const ArenaPart& part : phase.parts) {
    if (part.block < 0 || part.offset + part.bytes <= highest) continue;
    highest = part.offset + part.bytes;
    largest = part.block;
  }
  return largest;
}

ordered_json ToJson(const ArenaPart& part) {
  ordered_json json = {{"kind", PartName(part.kind)}, {"map", part.map}};
  if (part.block >= 0) json["block"] = part.block;
  if (part.sum >= 0) json["sum"] = part.sum;
  if (part.columns > 0) json["columns"] = part.columns;
  if (part.rows > 0) json["rows"] = part.rows;
  json["offset"] = part.offset;
  json["bytes"] = part.bytes;
  return json;
}

ordered_json ToJson(const PlannedPhase& phase) {
  ordered_json json = {{"blocks", ToString(phase.blocks)},
                       {"first_layer", phase.begin},
                       {"last_layer", phase.end - 1},
                       {"ram_bytes", phase.ram},
                       {"macs", phase.macs}};
  ordered_json parts = ordered_json::array();
  for (const ArenaPart& part : phase.parts) parts.push_back(ToJson(part));
  ordered_json moves = ordered_json::array();
  for (const MapMove& move : phase.moves) {
    moves.push_back(
        {{"map", move.map}, {"from", move.from}, {"to", move.to}, {"bytes", move.bytes}});
  }
  json["parts"] = std::move(parts);
  for (const ArenaPart& map : phase.patch_maps) json["patch_maps"].push_back(ToJson(map));
  json["moves"] = std::move(moves);
  return json;
}

}  // namespace

std::string_view PartName(PartKind kind) {
  switch (kind) {
    case PartKind::kInput:
      return "input";
    case PartKind::kInputRows:
      return "input_rows";
    case PartKind::kInputSlab:
      return "input_slab";
    case PartKind::kOutput:
      return "output";
    case PartKind::kPoolSums:
      return "pool_sums";
    case PartKind::kKept:
      return "kept";
    case PartKind::kRing:
      return "ring";
    case PartKind::kSkipRing:
      return "skip_ring";
    case PartKind::kColumns:
      return "columns";
    case PartKind::kPixel:
      return "pixel";
    case PartKind::kPlane:
      return "plane";
    case PartKind::kSums:
      return "sums";
    case PartKind::kStaged:
      return "staged";
    case PartKind::kSkipColumns:
      return "skip_columns";
    case PartKind::kPatchMaps:
      return "patch_maps";
    case PartKind::kPatchMap:
      return "patch_map";
  }
  return "";
}

RamByPart RamOf(const Chain& chain, const PlannedPhase& phase) {
  RamByPart ram;
  const int32_t largest = LargestBlock(phase);
  for (const ArenaPart& part : phase.parts) {
    int64_t* counter = Counter(chain, part, ram);
    if (counter != nullptr && (part.block < 0 || part.block == largest)) *counter += part.bytes;
  }
  // What is left are the maps at the phase's ends, which overlap, and what alignment takes.
  ram.maps = phase.ram - ram.rings - ram.caches - ram.skips - ram.io - ram.scratch;
  return ram;
}

std::string BlocksText(const FusionPlan& plan) {
  BlockPhases phases;
  for (const PlannedPhase& phase : plan.phases) phases.push_back(phase.blocks);
  return ToString(phases);
}

ordered_json ToJson(const Chain& chain, const FusionPlan& plan) {
  ordered_json json = {
      {"blocks", BlocksText(plan)},
      {"arena_bytes", plan.arena_bytes},
      {"peak_ram_bytes", plan.peak_ram_bytes},
      {"peak_ram_without_io_bytes", plan.peak_ram_without_io_bytes},
      {"macs", plan.macs},
      {"macs_unfused", plan.macs_unfused},
      {"factor", static_cast<double>(plan.macs) / static_cast<double>(plan.macs_unfused)}};
  if (plan.has_places) {
    const RamByPart ram = RamOf(chain, plan.phases[plan.peak_phase]);
    json["ram_by_part"] = {{"maps", ram.maps},   {"rings", ram.rings}, {"caches", ram.caches},
                           {"skips", ram.skips}, {"io", ram.io},       {"scratch", ram.scratch}};
  }
  json["phases"] = ordered_json::array();
  for (const PlannedPhase& phase : plan.phases) json["phases"].push_back(ToJson(phase));
  return json;
}

}  // namespace tinyrig::compiler
