#pragma once

#include <cstdint>
#include <optional>
#include <vector>

/// Paths from map 0 to the last map over priced steps: a path's RAM is that of its most expensive
/// step, its MACs are the sum.
namespace tinyrig::compiler {

/// A step from map `from` to map `to` > `from`.
struct Edge {
  int32_t from = 0;
  int32_t to = 0;
  int64_t ram = 0;
  int64_t macs = 0;
};

/// Edges in any order; between two maps there may be several.
struct EdgeGraph {
  int32_t last_map = 0;
  std::vector<Edge> edges;
};

struct EdgePath {
  std::vector<size_t> edges;  ///< Indices into EdgeGraph::edges, in the order of execution.
  int64_t ram = 0;
  int64_t macs = 0;
};

/// Least RAM without any limit of MACs.
inline constexpr int64_t kNoLimit = INT64_MAX;

/// P2: fewest MACs with RAM <= `ram_limit`; of paths with equal MACs one with the least RAM.
/// Nothing when no path keeps the limit.
std::optional<EdgePath> FewestMacs(const EdgeGraph& graph, int64_t ram_limit);

/// P1: least RAM with MACs <= `mac_limit`; of paths with equal RAM one with the fewest MACs.
std::optional<EdgePath> LeastRam(const EdgeGraph& graph, int64_t mac_limit);

/// Every pair of RAM and MACs that no other path beats in one without losing in the other, from
/// the most RAM to the least.
std::vector<EdgePath> ParetoSet(const EdgeGraph& graph);

}  // namespace tinyrig::compiler
