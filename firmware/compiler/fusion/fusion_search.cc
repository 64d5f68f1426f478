#include "firmware/compiler/fusion/fusion_search.h"

#include <algorithm>

namespace tinyrig::compiler {
namespace {

/// Families from small to large. What one finds limits what the next looks at, and so the large
/// ones stay quick.
std::vector<Family> Stages(FamilyKind kind) {
  if (kind == FamilyKind::kOneRow) return {OneRowFamily()};
  std::vector<Family> stages(5, FullFamily(1));
  stages[0].rings = false;
  stages[1].heights = {1};
  stages[1].whole_height = false;
  stages[3] = FullFamily(2);
  stages[4] = FullFamily(8);
  return stages;
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

std::vector<PhaseChoice> Phases(const Chain& chain, const CostRules& rules, const Family& family,
                                const SearchLimits& limits) {
  return rules.published_caches ? PublishedPhases(chain, rules)
                                : FindPhases(chain, rules, family, limits);
}

EdgeGraph GraphOf(const Chain& chain, const std::vector<PhaseChoice>& phases) {
  EdgeGraph graph{.last_map = chain.size(), .edges = {}};
  for (const PhaseChoice& phase : phases) {
    graph.edges.push_back({phase.begin, phase.end, phase.ram, phase.macs});
  }
  return graph;
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
  for (const Family& stage : Stages(family)) {
    const std::vector<PhaseChoice> phases = Phases(chain, rules, stage, limits);
    if (const auto path = FewestMacs(GraphOf(chain, phases), ram_limit)) {
      best = ListOf(phases, *path);
      limits.excess = path->macs - chain.Macs();
      if (limits.excess == 0) limits.ram = path->ram;
    }
    if (rules.published_caches) break;
  }
  return best;
}

std::optional<PhaseList> PlanLeastRam(const Chain& chain, const CostRules& rules, FamilyKind family,
                                      int64_t mac_limit) {
  SearchLimits limits;
  if (mac_limit != kNoLimit) limits.excess = mac_limit - chain.Macs();
  if (limits.excess < 0) return std::nullopt;
  std::optional<PhaseList> best;
  for (const Family& stage : Stages(family)) {
    const std::vector<PhaseChoice> phases = Phases(chain, rules, stage, limits);
    if (const auto path = LeastRam(GraphOf(chain, phases), mac_limit)) {
      best = ListOf(phases, *path);
      limits.ram = path->ram;
    }
    if (rules.published_caches) break;
  }
  return best;
}

std::vector<PhaseList> PlanFront(const Chain& chain, const CostRules& rules, FamilyKind family) {
  SearchLimits limits;
  std::vector<PhaseList> front;
  for (const Family& stage : Stages(family)) {
    const std::vector<PhaseChoice> phases = Phases(chain, rules, stage, limits);
    const EdgeGraph graph = GraphOf(chain, phases);
    std::vector<CostPoint> points = limits.wanted.points();
    front.clear();
    for (const EdgePath& path : ParetoSet(graph)) {
      front.push_back(ListOf(phases, path));
      points.push_back({path.ram, path.macs - chain.Macs()});
    }
    limits.wanted = CostFront(std::move(points));
    if (rules.published_caches) break;
  }
  return front;
}

}  // namespace tinyrig::compiler
