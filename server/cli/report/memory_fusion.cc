#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/fusion/notation.h"
#include "server/cli/report/memory_of.h"
#include "server/cli/report/memory_words.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using compiler::ArenaPart;
using compiler::Chain;
using compiler::ChainLayer;
using compiler::FusedBlock;
using compiler::LayerKind;
using compiler::PartKind;
using compiler::PlannedPhase;

constexpr size_t kTitleText = 60;

std::string Count(int64_t value) { return FormatCount(static_cast<uint64_t>(value)); }

/// "dw3x3/2".
std::string LayerText(const ChainLayer& layer) {
  const bool plain = layer.kind == LayerKind::kConv;
  const char* kind = plain ? (layer.pointwise() ? "" : "conv")
                           : (layer.kind == LayerKind::kDepthwise ? "dw" : "pool");
  std::string text = fmt::format("{}{}x{}", kind, layer.kernel_h, layer.kernel_w);
  if (layer.stride_h != 1 || layer.stride_w != 1) {
    text += layer.stride_h == layer.stride_w
                ? fmt::format("/{}", layer.stride_h)
                : fmt::format("/{}x{}", layer.stride_h, layer.stride_w);
  }
  return text;
}

/// Builds the picture phase by phase.
class FusionDrawer {
 public:
  FusionDrawer(const compiler::Graph& graph, const compiler::GraphChain& trunk,
               const compiler::FusionPlan& plan, const FusionPicture& about)
      : graph_(graph), trunk_(trunk), chain_(trunk.chain), plan_(plan), about_(about) {}

  MemoryPicture Run() {
    for (size_t i = 0; i < plan_.phases.size(); ++i) AddPhase(i);
    if (plan_.has_places && CountsTail()) AddTail();
    picture_.peak = {plan_.arena_bytes, fmt::format("peak {} B", Count(plan_.arena_bytes))};
    const bool tail_is_peak = plan_.phases[plan_.peak_phase].ram < plan_.arena_bytes;
    picture_.peak_group = tail_is_peak ? picture_.groups.size() - 1 : plan_.peak_phase;
    AddReference();
    picture_.title = fmt::format("{}: memory with fusion {}", Shorten(about_.model, kTitleText),
                                 Shorten(about_.setting, kTitleText));
    AddNotes();
    picture_.legend = LegendOf(picture_);
    return std::move(picture_);
  }

 private:
  bool CountsTail() const {
    return !chain_.tail.pools || about_.output != compiler::OutputPlace::kElsewhere;
  }

  std::string LayerTooltip(int32_t i) const {
    const ChainLayer& layer = chain_.layer(i);
    const auto index = static_cast<size_t>(i);
    return fmt::format("layer {}: {} {}, {}x{}x{} to {}x{}x{}, {}", i,
                       graph_.ops[trunk_.layer_ops[index]].name, LayerText(layer), layer.in_h,
                       layer.in_w, layer.in_c, layer.out_h, layer.out_w, layer.out_c,
                       graph_.tensors[trunk_.maps[index + 1]].name);
  }

  MemoryStep StepOf(const FusedBlock& block) const {
    MemoryStep step;
    step.name = compiler::ToString(block);
    step.tooltip = "block " + step.name;
    for (int32_t i = block.first; i <= block.last; ++i) {
      step.detail += (i > block.first ? " " : "") + LayerText(chain_.layer(i));
      step.tooltip += "\n" + LayerTooltip(i);
    }
    return step;
  }

  std::string PhaseTooltip(const PlannedPhase& phase) const {
    std::string text = fmt::format("{}\n{} B, {} MAC", compiler::ToString(phase.blocks),
                                   Count(phase.ram), Count(phase.macs));
    for (const compiler::MapMove& move : phase.moves) {
      text += fmt::format("\nbefore it, map {} ({} B) moves from {} to {}", move.map,
                          Count(move.bytes), Count(move.from), Count(move.to));
    }
    return text;
  }

  void AddPhase(size_t index) {
    const PlannedPhase& phase = plan_.phases[index];
    MemoryGroup group = {.first = picture_.steps.size(),
                         .last = picture_.steps.size() + phase.blocks.size() - 1,
                         .name = fmt::format("phase {}", index + 1),
                         .tooltip = fmt::format("phase {}: {}", index + 1, PhaseTooltip(phase))};
    for (const FusedBlock& block : phase.blocks) picture_.steps.push_back(StepOf(block));
    for (const ArenaPart& part : phase.parts) AddPart(part, group);
    AddOverlaps(phase, group);
    if (!plan_.has_places) {
      AddWhole(group, phase.ram, fmt::format("all that {} needs, without places", group.name));
    }
    picture_.groups.push_back(std::move(group));
  }

  void AddPart(const ArenaPart& part, const MemoryGroup& group) {
    const auto block = static_cast<size_t>(std::max(part.block, 0));
    MemoryPart drawn = WordsFor(chain_, part);
    drawn.first = part.block < 0 ? group.first : group.first + block;
    drawn.last = part.block < 0 ? group.last : drawn.first;
    picture_.parts.push_back(std::move(drawn));
  }

  void AddOverlaps(const PlannedPhase& phase, const MemoryGroup& group) {
    for (const ArenaPart& in : phase.parts) {
      for (const ArenaPart& out : phase.parts) {
        if (in.kind != PartKind::kInput || out.kind != PartKind::kOutput) continue;
        const int64_t from = std::max(in.offset, out.offset);
        const int64_t to = std::min(in.offset + in.bytes, out.offset + out.bytes);
        if (from < to) picture_.overlaps.push_back({group.first, group.last, from, to});
      }
    }
  }

  void AddWhole(const MemoryGroup& group, int64_t bytes, std::string what) {
    picture_.parts.push_back({.kind = MemoryKind::kWhole,
                              .first = group.first,
                              .last = group.last,
                              .offset = 0,
                              .bytes = bytes,
                              .what = std::move(what),
                              .labels = {Count(bytes) + " B", Count(bytes)}});
  }

  void AddTail() {
    const size_t at = picture_.steps.size();
    MemoryGroup group = {.first = at,
                         .last = at,
                         .name = "tail",
                         .tooltip = "what follows the layers that are fused"};
    picture_.steps.push_back(
        {"tail", fmt::format("{} operators", trunk_.tail_ops.size()), TailTooltip()});
    AddWhole(group, chain_.tail.bytes,
             "the most that lives at once after the layers that are fused");
    picture_.groups.push_back(std::move(group));
  }

  std::string TailTooltip() const {
    std::string text = "operators after the layers that are fused:";
    for (const size_t i : trunk_.tail_ops) text += " " + graph_.ops[i].name;
    return text;
  }

  /// As a line when that leaves the picture legible; the notes say it in any case.
  void AddReference() {
    if (!about_.unfused || *about_.unfused == plan_.arena_bytes) return;
    if (*about_.unfused > plan_.arena_bytes * 3 / 2) return;
    picture_.reference = {*about_.unfused,
                          fmt::format("layer by layer {} B", Count(*about_.unfused))};
  }

  void AddNotes() {
    const PlannedPhase& most = plan_.phases[plan_.peak_phase];
    std::string peak = fmt::format("Peak {} B in {}", Count(plan_.arena_bytes),
                                   picture_.groups[*picture_.peak_group].name);
    if (*picture_.peak_group == plan_.peak_phase) peak += ", " + compiler::ToString(most.blocks);
    peak += ".";
    if (about_.unfused && *about_.unfused != plan_.arena_bytes) {
      const double times = static_cast<double>(*about_.unfused) /
                           static_cast<double>(std::max<int64_t>(plan_.arena_bytes, 1));
      peak += fmt::format(" Layer by layer, counted the same way: {} B, {:.2f} times as much{}.",
                          Count(*about_.unfused), times,
                          picture_.reference ? "" : ", beyond this picture");
    }
    picture_.notes.push_back(std::move(peak));
    picture_.notes.push_back(fmt::format(
        "{} MAC, {:.3f} times the {} of the layers one by one (the factor).", Count(plan_.macs),
        static_cast<double>(plan_.macs) /
            static_cast<double>(std::max<int64_t>(plan_.macs_unfused, 1)),
        Count(plan_.macs_unfused)));
    picture_.notes.push_back(
        AccountingText(chain_, about_) +
        fmt::format(" With the network's input and output: {} B.", Count(plan_.peak_ram_bytes)));
    if (!plan_.has_places) {
      picture_.notes.push_back(
          "Such a plan has no places: a bar is all that a phase needs. The preset exact has them.");
    } else if (picture_.steps.size() > picture_.groups.size()) {
      picture_.notes.push_back(
          "Blocks of a phase run in turn, some rows at a time: what is drawn beside each other "
          "shares its bytes, what spans the phase lives as long as it.");
    }
  }

  const compiler::Graph& graph_;
  const compiler::GraphChain& trunk_;
  const Chain& chain_;
  const compiler::FusionPlan& plan_;
  const FusionPicture& about_;
  MemoryPicture picture_;
};

}  // namespace

MemoryPicture MemoryOf(const compiler::Graph& graph, const compiler::GraphChain& trunk,
                       const compiler::FusionPlan& plan, const FusionPicture& about) {
  return FusionDrawer(graph, trunk, plan, about).Run();
}

}  // namespace tinyrig::cli
