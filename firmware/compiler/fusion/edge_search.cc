#include "firmware/compiler/fusion/edge_search.h"

#include <algorithm>
#include <numeric>

namespace tinyrig::compiler {
namespace {

constexpr size_t kNoEdge = SIZE_MAX;

/// Edges by the map where they end, so that one pass settles every map.
std::vector<size_t> ByTarget(const EdgeGraph& graph) {
  std::vector<size_t> order(graph.edges.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    const Edge& left = graph.edges[a];
    const Edge& right = graph.edges[b];
    return left.to != right.to ? left.to < right.to : left.from < right.from;
  });
  return order;
}

/// Fewest MACs among paths of edges with RAM <= limit, whatever their RAM.
std::optional<EdgePath> Shortest(const EdgeGraph& graph, const std::vector<size_t>& order,
                                 int64_t ram_limit) {
  const auto maps = static_cast<size_t>(graph.last_map) + 1;
  std::vector<int64_t> macs(maps, kNoLimit);
  std::vector<size_t> arrived_by(maps, kNoEdge);
  macs[0] = 0;
  for (const size_t index : order) {
    const Edge& edge = graph.edges[index];
    const int64_t before = macs[static_cast<size_t>(edge.from)];
    int64_t& best = macs[static_cast<size_t>(edge.to)];
    if (edge.ram > ram_limit || before == kNoLimit || before + edge.macs >= best) continue;
    best = before + edge.macs;
    arrived_by[static_cast<size_t>(edge.to)] = index;
  }
  if (macs.back() == kNoLimit) return std::nullopt;
  EdgePath path;
  path.macs = macs.back();
  for (auto map = static_cast<size_t>(graph.last_map); map != 0;) {
    const Edge& edge = graph.edges[arrived_by[map]];
    path.edges.push_back(arrived_by[map]);
    path.ram = std::max(path.ram, edge.ram);
    map = static_cast<size_t>(edge.from);
  }
  std::ranges::reverse(path.edges);
  return path;
}

/// Calls `take` with one path after the other, RAM falling, MACs rising or equal, until it wants no
/// more.
template <typename Take>
void Descend(const EdgeGraph& graph, int64_t ram_limit, const Take& take) {
  const std::vector<size_t> order = ByTarget(graph);
  while (std::optional<EdgePath> path = Shortest(graph, order, ram_limit)) {
    ram_limit = path->ram - 1;
    if (!take(std::move(*path))) return;
  }
}

}  // namespace

std::optional<EdgePath> FewestMacs(const EdgeGraph& graph, int64_t ram_limit) {
  std::optional<EdgePath> best;
  Descend(graph, ram_limit, [&](EdgePath path) {
    if (best && path.macs > best->macs) return false;
    best = std::move(path);
    return true;
  });
  return best;
}

std::optional<EdgePath> LeastRam(const EdgeGraph& graph, int64_t mac_limit) {
  std::optional<EdgePath> best;
  Descend(graph, kNoLimit, [&](EdgePath path) {
    if (path.macs > mac_limit) return false;
    best = std::move(path);
    return true;
  });
  return best;
}

std::vector<EdgePath> ParetoSet(const EdgeGraph& graph) {
  std::vector<EdgePath> points;
  Descend(graph, kNoLimit, [&](EdgePath path) {
    if (!points.empty() && points.back().macs == path.macs) points.pop_back();
    points.push_back(std::move(path));
    return true;
  });
  return points;
}

}  // namespace tinyrig::compiler
