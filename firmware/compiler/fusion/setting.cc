#include "firmware/compiler/fusion/setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "firmware/compiler/fusion/notation.h"

namespace tinyrig::compiler {
namespace {

constexpr std::string_view kSettings =
    "settings are none, head_patch, head_stream, msf:GOAL, tiny:GOAL with f_max=1.3, ram=32kB, "
    "min_ram or front as GOAL, and block lists such as [0-6h4 ~ 7-9] [10]";

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

/// "32kB", "16KiB", "5900".
std::optional<int64_t> ParseBytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr Unit kUnits[] = {{"KiB", 1024}, {"MiB", 1048576}, {"kB", 1e3}, {"MB", 1e6}, {"B", 1}};
  double unit = 1;
  for (const Unit& candidate : kUnits) {
    if (!text.ends_with(candidate.name)) continue;
    text.remove_suffix(candidate.name.size());
    unit = candidate.bytes;
    break;
  }
  const std::string digits(text);
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  if (digits.empty() || *end != '\0' || !(number > 0) || number * unit > 1e12) return std::nullopt;
  return static_cast<int64_t>(number * unit);
}

std::optional<double> ParseFactor(std::string_view text) {
  const std::string digits(text);
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  if (digits.empty() || *end != '\0' || !(number >= 1) || number > 1e6) return std::nullopt;
  return number;
}

Status ReadGoal(std::string_view goal, FusionSetting& setting) {
  using enum FusionSetting::Goal;
  if (goal == "min_ram") {
    setting.goal = kMinRam;
  } else if (goal == "front") {
    setting.goal = kFront;
  } else if (goal.starts_with("f_max=")) {
    const auto factor = ParseFactor(goal.substr(6));
    if (!factor) {
      return Invalid(fmt::format("'{}' is no limit of MACs; write f_max=1.3, 1 or more", goal));
    }
    setting.goal = kFactor;
    setting.f_max = *factor;
  } else if (goal.starts_with("ram=")) {
    const auto bytes = ParseBytes(goal.substr(4));
    if (!bytes) return Invalid(fmt::format("'{}' is no limit of RAM; write e.g. ram=32kB", goal));
    setting.goal = kRam;
    setting.ram = *bytes;
  } else {
    return Invalid(
        fmt::format("'{}' is no goal; goals are f_max=1.3, ram=32kB, min_ram and front", goal));
  }
  return OkStatus();
}

Status ReadPlace(std::string_view option, FusionSetting& setting, bool& has_output) {
  struct Option {
    std::string_view text;
    void (*set)(FusionSetting& setting);
  };
  static constexpr Option kOptions[] = {
      {"input=outside", [](FusionSetting& s) { s.input = InputPlace::kElsewhere; }},
      {"input=resident", [](FusionSetting& s) { s.input = InputPlace::kResident; }},
      {"input=rows", [](FusionSetting& s) { s.input = InputPlace::kRows; }},
      {"input=slabs", [](FusionSetting& s) { s.input = InputPlace::kSlabs; }},
      {"output=outside", [](FusionSetting& s) { s.output = OutputPlace::kElsewhere; }},
      {"output=resident", [](FusionSetting& s) { s.output = OutputPlace::kResident; }},
      {"output=pooled", [](FusionSetting& s) { s.output = OutputPlace::kPooled; }},
  };
  for (const Option& known : kOptions) {
    if (option != known.text) continue;
    known.set(setting);
    has_output = has_output || option.starts_with("output");
    return OkStatus();
  }
  return Invalid(
      fmt::format("'{}' is no option; options are input=outside, resident, rows or slabs "
                  "and output=outside, resident or pooled",
                  option));
}

std::string_view CutField(std::string_view& text) {
  const size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
  return field;
}

Status ReadKind(std::string_view name, std::string_view& rest, FusionSetting& setting) {
  using enum FusionSetting::Kind;
  if (name.starts_with("[")) {
    TRY(ParseBlocks(name).status());
    setting.kind = kBlocks;
    setting.blocks = std::string(name);
  } else if (name == "none") {
    setting.kind = kNone;
  } else if (name == "head_patch") {
    setting.kind = kHeadPatch;
  } else if (name == "head_stream") {
    setting.kind = kHeadStream;
  } else if (name == "msf" || name == "tiny") {
    setting.kind = kSearch;
    setting.family = name == "msf" ? FamilyKind::kOneRow : FamilyKind::kFull;
    TRY(ReadGoal(CutField(rest), setting));
  } else {
    return Invalid(fmt::format("'{}' is no fusion setting; {}", name, kSettings));
  }
  return OkStatus();
}

/// Every layer by itself, in a phase of its own.
PhaseChoice OneLayer(int32_t layer) {
  return {layer, layer + 1, 0, 0, {FusedBlock{.first = layer, .last = layer}}};
}

/// The first phase, then layer after layer.
PhaseList HeadThenLayers(const Chain& chain, const std::vector<FusedBlock>& head) {
  PhaseList list;
  int32_t next = 0;
  if (!head.empty()) {
    next = head.back().last + 1;
    list.phases.push_back({0, next, 0, 0, head});
  }
  for (; next < chain.size(); ++next) list.phases.push_back(OneLayer(next));
  return list;
}

/// One plan that was put together without a look at what is possible.
Result<std::vector<FusionPlan>> Checked(const Chain& chain, const CostRules& rules,
                                        FusionPlan plan) {
  for (const PlannedPhase& phase : plan.phases) TRY(CheckPhase(chain, rules, phase.blocks));
  return std::vector{std::move(plan)};
}

/// Of all heads the plan with the least RAM, then the fewest MACs.
FusionPlan BestHead(const Chain& chain, const CostRules& rules,
                    const std::vector<std::vector<FusedBlock>>& heads) {
  FusionPlan best = LayOut(chain, rules, HeadThenLayers(chain, {}));
  for (const std::vector<FusedBlock>& head : heads) {
    if (!CheckPhase(chain, rules, head).ok()) continue;
    // The head alone may need too much; the rest is not looked at then.
    if (LayOutPhase(chain, rules, head, 0).ram > best.arena_bytes) continue;
    FusionPlan plan = LayOut(chain, rules, HeadThenLayers(chain, head));
    if (plan.arena_bytes < best.arena_bytes ||
        (plan.arena_bytes == best.arena_bytes && plan.macs < best.macs)) {
      best = std::move(plan);
    }
  }
  return best;
}

/// Patches of 2x2 to 16x16 over heads of any depth.
std::vector<std::vector<FusedBlock>> PatchHeads(const Chain& chain) {
  std::vector<std::vector<FusedBlock>> heads;
  for (int32_t last = 0; last < chain.size(); ++last) {
    const int32_t rows = chain.Height(last + 1);
    const int32_t columns = chain.Width(last + 1);
    for (int32_t n = 2; n <= std::min({16, rows, columns}); ++n) {
      heads.push_back({FusedBlock{.first = 0,
                                  .last = last,
                                  .height = (rows + n - 1) / n,
                                  .mode = BlockMode::kPatch,
                                  .width = (columns + n - 1) / n}});
    }
  }
  return heads;
}

/// A ring before every window but the first.
std::vector<std::vector<FusedBlock>> StreamHeads(const Chain& chain) {
  std::vector<std::vector<FusedBlock>> heads;
  std::vector<FusedBlock> blocks;
  for (int32_t last = 0; last < chain.size(); ++last) {
    if (blocks.empty() || !chain.layer(last).pointwise()) {
      blocks.push_back({.first = last, .last = last});
    } else {
      blocks.back().last = last;
    }
    heads.push_back(blocks);
  }
  return heads;
}

Result<FusionPlan> PlanBlocks(const Chain& chain, const CostRules& rules, const std::string& text) {
  TRY_ASSIGN(const BlockPhases phases, ParseBlocks(text, chain.size(), chain.tail.follows));
  PhaseList list;
  for (const std::vector<FusedBlock>& blocks : phases) {
    PhaseChoice phase = {blocks.front().first, blocks.back().last + 1, 0, 0, blocks};
    if (rules.published_caches) {
      const bool one_row =
          blocks.size() == 1 && blocks[0].mode == BlockMode::kColumns && blocks[0].height == 1;
      const auto price = PricePublishedBlock(chain, phase.begin, phase.end - 1, rules);
      if (!one_row || !price) {
        return Status(Code::kInvalidArgument,
                      fmt::format("phase {} is none that the literature prices: one block of one "
                                  "row, no higher than its input; use the preset exact",
                                  ToString(blocks)));
      }
      phase.ram = price->ram;
      phase.macs = price->macs;
    } else {
      TRY(CheckPhase(chain, rules, blocks));
    }
    list.phases.push_back(std::move(phase));
  }
  return LayOut(chain, rules, list);
}

/// Whether every column of the input can be gone once a sweep has passed it.
Status CheckSlabs(const Chain& chain, const FusionSetting& setting) {
  constexpr std::string_view kTry = "use input=rows, resident or outside";
  if (setting.kind == FusionSetting::Kind::kHeadPatch) {
    return Invalid(fmt::format("patches read whole rows of the input, slabs have none; {}", kTry));
  }
  const auto again = std::ranges::find(chain.skips, 0, &Skip::from);
  if (again == chain.skips.end()) return OkStatus();
  return Invalid(
      fmt::format("the residual sum that makes map {} needs the network's input again, slabs "
                  "are gone then; {}",
                  again->to, kTry));
}

int64_t MacLimit(const Chain& chain, double factor) {
  return static_cast<int64_t>(std::floor(factor * static_cast<double>(chain.Macs())));
}

Status NoPlan(const Chain& chain, const CostRules& rules, const FusionSetting& setting) {
  const auto least = PlanLeastRam(chain, rules, setting.family, kNoLimit);
  return {Code::kResourceExhausted,
          fmt::format("no plan of this family fits {} B; the least is {} B{}", setting.ram,
                      least ? least->ram : 0,
                      setting.family == FamilyKind::kOneRow ? "; tiny: needs less" : "")};
}

/// Plans that no other beats, of falling arena. Where what follows the trunk decides, points of
/// less RAM have only more MACs.
std::vector<FusionPlan> Front(const Chain& chain, const CostRules& rules, FamilyKind family) {
  std::vector<FusionPlan> plans;
  for (const PhaseList& list : PlanFront(chain, rules, family)) {
    FusionPlan plan = LayOut(chain, rules, list);
    if (plans.empty() || plan.arena_bytes != plans.back().arena_bytes) {
      plans.push_back(std::move(plan));
    }
  }
  return plans;
}

Result<std::vector<FusionPlan>> Within(const Chain& chain, const CostRules& rules,
                                       const FusionSetting& setting) {
  const auto list = PlanFewestMacs(chain, rules, setting.family, setting.ram);
  if (!list) return NoPlan(chain, rules, setting);
  FusionPlan plan = LayOut(chain, rules, *list);
  if (plan.arena_bytes > setting.ram) {
    return Status(Code::kResourceExhausted,
                  fmt::format("the layers fit {} B, but what follows them needs {} B at once",
                              setting.ram, plan.arena_bytes));
  }
  return std::vector{std::move(plan)};
}

Result<std::vector<FusionPlan>> Search(const Chain& chain, const CostRules& rules,
                                       const FusionSetting& setting) {
  if (setting.goal == FusionSetting::Goal::kFront) return Front(chain, rules, setting.family);
  if (setting.goal == FusionSetting::Goal::kRam) return Within(chain, rules, setting);
  const bool limited = setting.goal == FusionSetting::Goal::kFactor;
  auto list = PlanLeastRam(chain, rules, setting.family,
                           limited ? MacLimit(chain, setting.f_max) : kNoLimit);
  if (!list) return Status(Code::kResourceExhausted, "no plan of this family keeps the limit");
  FusionPlan plan = LayOut(chain, rules, *list);
  // What follows the trunk needs more: the trunk may take as much, and has fewer MACs then.
  if (plan.has_places && plan.arena_bytes > list->ram) {
    list = PlanFewestMacs(chain, rules, setting.family, plan.arena_bytes);
    plan = LayOut(chain, rules, *list);
  }
  return std::vector{std::move(plan)};
}

}  // namespace

Result<FusionSetting> ParseFusionSetting(std::string_view text) {
  FusionSetting setting;
  std::string_view rest = text;
  const std::string_view name = CutField(rest);
  TRY(ReadKind(name, rest, setting));
  bool has_output = false;
  while (!rest.empty()) TRY(ReadPlace(CutField(rest), setting, has_output));
  // Who counts the input counts all.
  if (!has_output && setting.input != InputPlace::kElsewhere) setting.output = OutputPlace::kPooled;
  return setting;
}

bool IsFront(const FusionSetting& setting) {
  return setting.kind == FusionSetting::Kind::kSearch &&
         setting.goal == FusionSetting::Goal::kFront;
}

Result<std::vector<std::string>> SettingsOfFront(const Chain& chain, std::string_view text) {
  TRY_ASSIGN(const FusionSetting setting, ParseFusionSetting(text));
  TRY_ASSIGN(CostRules rules, CostPreset("exact"));
  rules.input = setting.input;
  rules.output = setting.output;
  constexpr std::string_view kGoal = ":front";
  const size_t goal = text.find(kGoal);
  std::vector<std::string> settings;
  for (const FusionPlan& plan : Front(chain, rules, setting.family)) {
    settings.push_back(fmt::format("{}:ram={}B{}", text.substr(0, goal), plan.arena_bytes,
                                   text.substr(goal + kGoal.size())));
  }
  return settings;
}

Result<std::vector<FusionPlan>> PlanFusion(const Chain& chain, const FusionSetting& setting,
                                           std::string_view preset) {
  TRY_ASSIGN(CostRules rules, CostPreset(preset));
  rules.input = setting.input;
  rules.output = setting.output;
  const bool streamed = setting.input == InputPlace::kRows || setting.input == InputPlace::kSlabs ||
                        setting.output == OutputPlace::kPooled;
  const bool literature =
      setting.kind == FusionSetting::Kind::kBlocks ||
      (setting.kind == FusionSetting::Kind::kSearch && setting.family == FamilyKind::kOneRow);
  if (rules.published_caches && (streamed || !literature)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("the preset {} prices msf and block lists, with input and output "
                              "outside or resident; use exact",
                              preset));
  }
  if (setting.input == InputPlace::kSlabs) TRY(CheckSlabs(chain, setting));
  switch (setting.kind) {
    case FusionSetting::Kind::kNone:
      return Checked(chain, rules, LayOut(chain, rules, HeadThenLayers(chain, {})));
    case FusionSetting::Kind::kHeadPatch:
      return Checked(chain, rules, BestHead(chain, rules, PatchHeads(chain)));
    case FusionSetting::Kind::kHeadStream:
      return Checked(chain, rules, BestHead(chain, rules, StreamHeads(chain)));
    case FusionSetting::Kind::kSearch:
      return Search(chain, rules, setting);
    case FusionSetting::Kind::kBlocks:
      break;
  }
  TRY_ASSIGN(FusionPlan plan, PlanBlocks(chain, rules, setting.blocks));
  return std::vector{std::move(plan)};
}

}  // namespace tinyrig::compiler
