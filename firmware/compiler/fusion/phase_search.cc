#include "firmware/compiler/fusion/phase_search.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "firmware/compiler/fusion/candidates.h"

namespace tinyrig::compiler {
namespace {

/// A phase's end, from some block on.
struct Label {
  int64_t rings = 0;  ///< Of rows and of sums, between its blocks.
  int64_t cache = 0;  ///< The largest block's.
  int64_t excess = 0;
  int32_t candidate = 0;
  int32_t parent = -1;  ///< The label without its first block.
  int32_t demands = 0;  ///< Sums that begin before its first block.
};

/// Sets of open sums, by number: labels are only compared within one.
class DemandSets {
 public:
  explicit DemandSets(const Chain& chain) : chain_(chain) { Number({}); }

  struct Step {
    int32_t demands = 0;
    int64_t ring_bytes = 0;  ///< Rings of the sums that begin in the block.
  };
  /// Open sums before `block`, when `after` are open behind it.
  Step Before(int32_t after, const FusedBlock& block, int32_t candidate, int32_t alignment) {
    const auto [found, is_new] = steps_.try_emplace({after, candidate});
    if (is_new) found->second = Compute(after, block, alignment);
    return found->second;
  }

 private:
  int32_t Number(std::vector<SkipDemand> demands) {
    const auto [found, is_new] =
        numbers_.try_emplace(std::move(demands), static_cast<int32_t>(sets_.size()));
    if (is_new) sets_.push_back(&found->first);
    return found->second;
  }

  Step Compute(int32_t after, const FusedBlock& block, int32_t alignment) {
    Step step;
    std::vector<SkipDemand> open;
    for (const SkipDemand& demand : *sets_[static_cast<size_t>(after)]) {
      if (demand.skip.from < block.first) {
        open.push_back(ThroughProducer(chain_, demand, block));
        continue;
      }
      step.ring_bytes += AlignUp(
          SkipRingRows(chain_, demand, block) * chain_.RowBytes(demand.skip.from), alignment);
    }
    for (const Skip& skip : chain_.skips) {
      if (skip.from < block.first && skip.to > block.first && skip.to <= block.last + 1) {
        open.push_back(BeginDemand(chain_, skip, block));
      }
    }
    step.demands = Number(std::move(open));
    return step;
  }

  const Chain& chain_;
  std::map<std::vector<SkipDemand>, int32_t> numbers_;
  std::vector<const std::vector<SkipDemand>*> sets_;
  std::map<std::pair<int32_t, int32_t>, Step> steps_;
};

/// Those of one group that no other beats in rings, cache and excess (`only_ram`: in the first
/// two).
std::vector<int32_t> Undominated(const std::vector<Label>& labels, std::vector<int32_t> group,
                                 bool only_ram) {
  std::ranges::sort(group, [&](int32_t a, int32_t b) {
    const Label& x = labels[static_cast<size_t>(a)];
    const Label& y = labels[static_cast<size_t>(b)];
    if (!only_ram && x.excess != y.excess) return x.excess < y.excess;
    return x.rings != y.rings ? x.rings < y.rings : x.cache < y.cache;
  });
  std::map<int64_t, int64_t> least_cache;  // By rings; caches fall as rings rise.
  std::vector<int32_t> kept;
  for (const int32_t index : group) {
    const Label& label = labels[static_cast<size_t>(index)];
    auto above = least_cache.upper_bound(label.rings);
    if (above != least_cache.begin() && std::prev(above)->second <= label.cache) continue;
    auto worse = least_cache.lower_bound(label.rings);
    while (worse != least_cache.end() && worse->second >= label.cache) {
      worse = least_cache.erase(worse);
    }
    least_cache.emplace(label.rings, label.cache);
    kept.push_back(index);
  }
  return kept;
}

/// All phases that end at one map.
class EndSearch {
 public:
  EndSearch(const Chain& chain, const CostRules& rules, const Candidates& candidates,
            DemandSets& demands, const Budget& budget, bool only_ram, int32_t end)
      : chain_(chain),
        rules_(rules),
        candidates_(candidates),
        demands_(demands),
        budget_(budget),
        only_ram_(only_ram),
        end_(end),
        needed_(NeededMacs(chain)),
        groups_(static_cast<size_t>(end)),
        complete_(static_cast<size_t>(end)) {
    const bool counted = end < chain.size() || rules.output == OutputPlace::kResident;
    least_maps_ = counted ? chain.MapBytes(end) : 0;
    for (int32_t begin = 0; begin < end; ++begin) {
      kept_.push_back(KeptMapBytes(chain, begin, end, rules));
    }
  }

  int64_t labels() const { return static_cast<int64_t>(labels_.size()); }

  /// Empty, with more labels than allowed, when it takes too many.
  std::vector<PhaseChoice> Run(int64_t most_labels) {
    for (const int32_t last : candidates_.EndingAt(end_ - 1)) {
      if (candidates_[last].can_end) Start(last);
    }
    for (int32_t map = end_ - 1; map > 0; --map) {
      Extend(map, most_labels);
      if (labels() > most_labels) return {};
    }
    std::vector<PhaseChoice> choices;
    for (int32_t begin = 0; begin < end_; ++begin) Collect(begin, choices);
    return choices;
  }

 private:
  struct Complete {
    CostPoint cost;
    int32_t label;
  };

  using Key = std::pair<int32_t, int32_t>;  // Ring class and demands.

  /// What labels with one first block have in common.
  struct Place {
    int32_t candidate;
    int32_t demands;
    int64_t maps;  ///< Of the phase that begins with the block, kept maps with them.
    int64_t ring;  ///< The least that a producer before the block costs.
    std::vector<int32_t>* group;
    std::vector<Complete>* complete;
  };

  Place PlaceOf(int32_t candidate, bool several, int32_t demands) {
    const Candidate& first = candidates_[candidate];
    const auto begin = static_cast<size_t>(first.block.first);
    const bool extends = begin > 0 && first.ring_class >= 0;
    return {candidate,
            demands,
            Maps(candidate, several) + kept_[begin],
            extends ? candidates_.RingBytes(first.ring_class).front() : 0,
            extends ? &groups_[begin][{first.ring_class, demands}] : nullptr,
            &complete_[begin]};
  }

  void Start(int32_t candidate) {
    const Candidate& block = candidates_[candidate];
    const int32_t open = demands_.Before(0, block.block, candidate, rules_.alignment).demands;
    const bool by_channel = PoolsByChannel(chain_, block.block, end_, false, rules_);
    Add(PlaceOf(candidate, false, open), 0, by_channel ? 0 : block.cache, block.excess, -1);
  }

  void Add(const Place& place, int64_t rings, int64_t cache, int64_t excess, int32_t parent) {
    const int64_t own = rings + cache;
    const bool ends = budget_.Allows(own + place.maps, excess);
    const bool extends =
        place.group != nullptr && budget_.Allows(own + least_maps_ + place.ring, excess);
    if (!ends && !extends) return;
    const auto index = static_cast<int32_t>(labels_.size());
    labels_.push_back({rings, cache, excess, place.candidate, parent, place.demands});
    if (ends) place.complete->push_back({{own + place.maps, excess}, index});
    if (extends) place.group->push_back(index);
  }

  int64_t Maps(int32_t candidate, bool several) {
    const auto [found, is_new] = maps_.try_emplace({candidate, several}, 0);
    if (is_new) {
      found->second = MapsBytes(chain_, candidates_[candidate].block, end_, several, rules_);
    }
    return found->second;
  }

  /// Puts producers before all labels that begin at `map`.
  void Extend(int32_t map, int64_t most_labels) {
    for (auto& [key, members] : groups_[static_cast<size_t>(map)]) {
      const std::vector<int32_t> group = Undominated(labels_, std::move(members), only_ram_);
      if (group.empty()) continue;
      for (const int32_t producer : candidates_.EndingAt(map - 1)) {
        if (candidates_[producer].can_feed) Extend(key, group, producer);
        if (labels() > most_labels) return;
      }
    }
    groups_[static_cast<size_t>(map)].clear();
  }

  void Extend(const Key& key, const std::vector<int32_t>& group, int32_t producer) {
    const Candidate& block = candidates_[producer];
    int64_t ring = candidates_.RingBytes(key.first)[static_cast<size_t>(block.height_index)];
    // Members come with their excess rising, unless it does not matter.
    const int64_t least =
        only_ram_ ? 0 : labels_[static_cast<size_t>(group.front())].excess + block.excess;
    if (!budget_.Allows(ring + block.cache + least_maps_, least)) return;
    const DemandSets::Step step =
        demands_.Before(key.second, block.block, producer, rules_.alignment);
    ring += step.ring_bytes;
    const int64_t most = budget_.Most(ring + block.cache + least_maps_);
    if (least > most) return;
    const Place place = PlaceOf(producer, true, step.demands);
    for (const int32_t member : group) {
      const Label after = labels_[static_cast<size_t>(member)];
      if (!only_ram_ && after.excess + block.excess > most) break;
      Add(place, after.rings + ring, std::max(after.cache, block.cache),
          after.excess + block.excess, member);
    }
  }

  void Collect(int32_t begin, std::vector<PhaseChoice>& choices) {
    std::vector<Complete>& all = complete_[static_cast<size_t>(begin)];
    std::ranges::stable_sort(all, [](const Complete& a, const Complete& b) {
      return a.cost.ram != b.cost.ram ? a.cost.ram < b.cost.ram : a.cost.excess < b.cost.excess;
    });
    const int64_t needed =
        std::accumulate(needed_.begin() + begin, needed_.begin() + end_, int64_t{0});
    int64_t least = CostFront::kUnreachable;
    for (const Complete& phase : all) {
      if (phase.cost.excess >= least || (only_ram_ && least == 0)) continue;
      least = only_ram_ ? 0 : phase.cost.excess;
      PhaseChoice choice = {begin, end_, phase.cost.ram, needed + phase.cost.excess, {}};
      for (int32_t l = phase.label; l >= 0; l = labels_[static_cast<size_t>(l)].parent) {
        choice.blocks.push_back(candidates_[labels_[static_cast<size_t>(l)].candidate].block);
      }
      choices.push_back(std::move(choice));
    }
  }

  const Chain& chain_;
  const CostRules& rules_;
  const Candidates& candidates_;
  DemandSets& demands_;
  const Budget& budget_;
  bool only_ram_;
  int32_t end_;
  std::vector<int64_t> needed_;  ///< By layer.
  int64_t least_maps_ = 0;
  std::vector<int64_t> kept_;  ///< By the phase's first map.
  std::vector<Label> labels_;
  /// By first map; then by ring class and demands.
  std::vector<std::map<Key, std::vector<int32_t>>> groups_;
  std::vector<std::vector<Complete>> complete_;
  std::map<std::pair<int32_t, bool>, int64_t> maps_;
};

/// The front of everything from `map` on, given the fronts of later maps.
CostFront FrontFrom(const Chain& chain, int32_t map, const std::vector<PhaseChoice>& phases,
                    const std::vector<CostFront>& rest) {
  const std::vector<int64_t> macs = NeededMacs(chain);
  std::vector<int64_t> needed(static_cast<size_t>(chain.size()) + 1);
  std::partial_sum(macs.begin() + map, macs.end(), needed.begin() + map + 1);
  std::vector<CostPoint> points;
  for (const PhaseChoice& phase : phases) {
    if (phase.begin != map) continue;
    const auto end = static_cast<size_t>(phase.end);
    for (const CostPoint& after : rest[end].points()) {
      points.push_back({std::max(phase.ram, after.ram), phase.macs - needed[end] + after.excess});
    }
  }
  return CostFront(std::move(points));
}

}  // namespace

Family OneRowFamily() { return {.rings = false, .channel_slices = false}; }

Family FullFamily(int32_t ring_height) {
  Family family;
  family.heights = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 36};
  family.ring_heights.clear();
  for (const int32_t height : {1, 2, 3, 4, 6, 8}) {
    if (height <= ring_height) family.ring_heights.push_back(height);
  }
  family.whole_height = true;
  return family;
}

std::optional<std::vector<PhaseChoice>> FindPhases(const Chain& chain, const CostRules& rules,
                                                   const Family& family,
                                                   const SearchLimits& limits) {
  const Candidates candidates(chain, rules, family, limits.ram);
  DemandSets demands(chain);
  std::vector<PhaseChoice> phases;
  std::vector<CostFront> rest(static_cast<size_t>(chain.size()) + 1);
  rest.back() = CostFront({{0, 0}});
  int64_t labels_left = kMaxLabels;
  for (int32_t end = chain.size(); end > 0; --end) {
    auto& after = rest[static_cast<size_t>(end)];
    if (end < chain.size()) after = FrontFrom(chain, end, phases, rest);
    const Budget budget(limits.wanted, limits.ram, limits.excess, limits.floor, after);
    EndSearch search(chain, rules, candidates, demands, budget, limits.only_ram, end);
    for (PhaseChoice& choice : search.Run(labels_left)) phases.push_back(std::move(choice));
    labels_left -= search.labels();
    if (labels_left < 0) return std::nullopt;
  }
  return phases;
}

}  // namespace tinyrig::compiler
