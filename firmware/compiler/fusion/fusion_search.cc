#include "firmware/compiler/fusion/fusion_search.h"

#include <algorithm>
#include <numeric>

#include "firmware/compiler/fusion/rows.h"

namespace tinyrig::compiler {
namespace {

/// Families from small to large. What one finds limits what the next looks at, and so the large
/// ones stay quick.
std::vector<Family> Stages(FamilyKind kind, const CostRules& rules) {
  if (kind == FamilyKind::kOneRow || rules.published_caches) return {OneRowFamily()};
  std::vector<Family> stages(3, FullFamily(1));
  stages[0].rings = false;
  stages[1].heights = {1};
  stages[1].whole_height = false;
  // A resident input decides the RAM, and leaves so much for the rest that all of it is possible.
  if (rules.input == InputPlace::kResident) return stages;
  stages.push_back(FullFamily(2));
  stages.push_back(FullFamily(8));
  return stages;
}

EdgeGraph GraphOf(const Chain& chain, const std::vector<PhaseChoice>& phases) {
  EdgeGraph graph{.last_map = chain.size(), .edges = {}};
  for (const PhaseChoice& phase : phases) {
    graph.edges.push_back({phase.begin, phase.end, phase.ram, phase.macs});
  }
  return graph;
}

int64_t LeastMacs(const Chain& chain) {
  const std::vector<int64_t> needed = NeededMacs(chain);
  return std::accumulate(needed.begin(), needed.end(), int64_t{0});
}

/// The least RAM of any plan of the family, which is quick to find as MACs do not matter, and one
/// plan that has it.
bool SetFloor(const Chain& chain, const CostRules& rules, const Family& family,
              SearchLimits& limits) {
  if (rules.published_caches) return false;
  SearchLimits only_ram = {.wanted = {}, .ram = limits.ram, .only_ram = true};
  std::vector<CostPoint> points = limits.wanted.points();
  if (!points.empty()) only_ram.ram = std::min(only_ram.ram, points.front().ram);
  const auto phases = FindPhases(chain, rules, family, only_ram);
  if (!phases) return false;
  const auto path = LeastRam(GraphOf(chain, *phases), kNoLimit);
  if (!path) return false;
  limits.floor = path->ram;
  points.push_back({path->ram, path->macs - LeastMacs(chain)});
  limits.wanted = CostFront(std::move(points));
  return true;
}

/// The literature's caches have no phases of several blocks: every block is a phase.
std::vector<PhaseChoice> PublishedPhases(const Chain& chain, const CostRules& rules) {
  std::vector<PhaseChoice> phases;
  for (int32_t first = 0; first < chain.size(); ++first) {
    for (int32_t last = first; last < chain.size(); ++last) {
      const auto price = PricePublishedBlock(chain, first, last, rules);
      if (!price) continue;
      phases.push_back(
          {first, last + 1, price->ram, price->macs, {FusedBlock{.first = first, .last = last}}});
    }
  }
  return phases;
}

std::optional<std::vector<PhaseChoice>> Phases(const Chain& chain, const CostRules& rules,
                                               const Family& family, const SearchLimits& limits) {
  if (rules.published_caches) return PublishedPhases(chain, rules);
  return FindPhases(chain, rules, family, limits);
}

PhaseList ListOf(const std::vector<PhaseChoice>& phases, const EdgePath& path) {
  PhaseList list{.phases = {}, .ram = path.ram, .macs = path.macs};
  for (const size_t edge : path.edges) list.phases.push_back(phases[edge]);
  return list;
}

}  // namespace

std::optional<PhaseList> PlanFewestMacs(const Chain& chain, const CostRules& rules,
                                        FamilyKind family, int64_t ram_limit) {
  SearchLimits limits;
  limits.ram = ram_limit;
  std::optional<PhaseList> best;
  for (const Family& stage : Stages(family, rules)) {
    const auto phases = Phases(chain, rules, stage, limits);
    if (!phases) break;
    const auto path = FewestMacs(GraphOf(chain, *phases), ram_limit);
    if (!path) continue;
    best = ListOf(*phases, *path);
    limits.excess = path->macs - LeastMacs(chain);
    if (limits.excess == 0) limits.ram = path->ram;
  }
  return best;
}

std::optional<PhaseList> PlanLeastRam(const Chain& chain, const CostRules& rules, FamilyKind family,
                                      int64_t mac_limit) {
  if (mac_limit < LeastMacs(chain)) return std::nullopt;
  SearchLimits limits;
  limits.excess = mac_limit == kNoLimit ? CostFront::kUnreachable : mac_limit - LeastMacs(chain);
  std::optional<PhaseList> best;
  for (const Family& stage : Stages(family, rules)) {
    if (mac_limit == kNoLimit && SetFloor(chain, rules, stage, limits)) limits.ram = limits.floor;
    const auto phases = Phases(chain, rules, stage, limits);
    if (!phases) break;
    const auto path = LeastRam(GraphOf(chain, *phases), mac_limit);
    if (!path) continue;
    best = ListOf(*phases, *path);
    limits.ram = path->ram;
  }
  return best;
}

std::vector<PhaseList> PlanFront(const Chain& chain, const CostRules& rules, FamilyKind family) {
  SearchLimits limits;
  std::vector<PhaseList> front;
  for (const Family& stage : Stages(family, rules)) {
    SetFloor(chain, rules, stage, limits);
    const auto phases = Phases(chain, rules, stage, limits);
    if (!phases) break;
    std::vector<CostPoint> points = limits.wanted.points();
    front.clear();
    for (const EdgePath& path : ParetoSet(GraphOf(chain, *phases))) {
      front.push_back(ListOf(*phases, path));
      points.push_back({path.ram, path.macs - LeastMacs(chain)});
    }
    limits.wanted = CostFront(std::move(points));
  }
  return front;
}

}  // namespace tinyrig::compiler
