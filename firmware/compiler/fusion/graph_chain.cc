#include "firmware/compiler/fusion/graph_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "firmware/compiler/fusion/graph_layer.h"
#include "firmware/compiler/passes/readers.h"

namespace tinyrig::compiler {
namespace {

/// Positions in Graph::ops of those that read a tensor, each once.
std::vector<size_t> ReadersOf(const Readers& readers, int32_t tensor) {
  std::vector<size_t> ops = readers.of(tensor);
  ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
  return ops;
}

/// An ADD without a broadcast whose one input is `tensor`: the other input.
std::optional<int32_t> OtherAddend(const Graph& graph, const Op& op, int32_t tensor) {
  if (op.builtin != static_cast<int32_t>(Builtin::kAdd) || op.inputs.size() != 2 ||
      op.outputs.size() != 1 || op.inputs[0] == op.inputs[1]) {
    return std::nullopt;
  }
  const int32_t other = op.inputs[0] == tensor ? op.inputs[1] : op.inputs[0];
  if (other < 0 || graph.tensor(other).constant ||
      graph.tensor(other).shape != graph.tensor(tensor).shape ||
      graph.tensor(op.outputs[0]).shape != graph.tensor(tensor).shape) {
    return std::nullopt;
  }
  return other;
}

/// Grows a trunk map by map, and takes back what turns out to be read from elsewhere.
class Trunk {
 public:
  Trunk(const Graph& graph, const Readers& readers) : graph_(graph), readers_(readers) {}

  Status FindStart();
  void Grow();
  void CutBack();
  GraphChain Finish() &&;

 private:
  int32_t last() const { return static_cast<int32_t>(found_.maps.back()); }
  bool CloseSkip(const std::vector<size_t>& reading);
  bool AppendLayer(const std::vector<size_t>& reading);
  std::optional<size_t> FirstStrayReader(int32_t& map) const;

  const Graph& graph_;
  const Readers& readers_;
  GraphChain found_;
};

/// Passes over what comes before the first layer and has one input and one reader.
Status Trunk::FindStart() {
  if (graph_.inputs.size() != 1) {
    return {Code::kUnimplemented,
            fmt::format("the model has {} inputs; fusion needs one", graph_.inputs.size())};
  }
  auto tensor = static_cast<int32_t>(graph_.inputs[0]);
  while (true) {
    const std::vector<size_t> reading = ReadersOf(readers_, tensor);
    const bool layers = std::ranges::any_of(
        reading, [&](size_t i) { return LayerOf(graph_, graph_.ops[i]).has_value(); });
    if (layers) break;
    if (reading.size() != 1 || readers_.is_output(tensor)) {
      return {Code::kUnimplemented,
              "the model does not begin with convolutions one after the other; nothing to fuse"};
    }
    const Op& op = graph_.ops[reading[0]];
    const auto activations = std::ranges::count_if(
        op.inputs, [&](int32_t i) { return i >= 0 && !graph_.tensor(i).constant; });
    if (activations != 1 || op.outputs.size() != 1) {
      return {Code::kUnimplemented,
              fmt::format("{} comes before any convolution; nothing to fuse", op.Describe())};
    }
    found_.head_ops.push_back(reading[0]);
    tensor = op.outputs[0];
  }
  found_.maps.push_back(static_cast<uint32_t>(tensor));
  return OkStatus();
}

bool Trunk::CloseSkip(const std::vector<size_t>& reading) {
  if (reading.size() != 1 || found_.chain.layers.empty()) return false;
  const Op& op = graph_.ops[reading[0]];
  const auto other = OtherAddend(graph_, op, last());
  if (!other) return false;
  const auto from = std::ranges::find(found_.maps, static_cast<uint32_t>(*other));
  if (from == found_.maps.end()) return false;
  const auto begin = static_cast<size_t>(from - found_.maps.begin());
  for (size_t l = begin; l < found_.chain.layers.size(); ++l) {
    const ChainLayer& layer = found_.chain.layers[l];
    if (layer.stride_h != 1 || layer.stride_w != 1) return false;
  }
  found_.chain.skips.push_back({static_cast<int32_t>(begin), found_.chain.size()});
  found_.skip_ops.push_back(reading[0]);
  found_.maps.back() = static_cast<uint32_t>(op.outputs[0]);
  return true;
}

bool Trunk::AppendLayer(const std::vector<size_t>& reading) {
  std::optional<size_t> next;
  for (const size_t i : reading) {
    if (!LayerOf(graph_, graph_.ops[i])) continue;
    if (next) return false;  // The graph branches.
    next = i;
  }
  if (!next || found_.chain.size() == kMaxChainLayers) return false;
  found_.chain.layers.push_back(*LayerOf(graph_, graph_.ops[*next]));
  found_.layer_ops.push_back(*next);
  found_.maps.push_back(static_cast<uint32_t>(graph_.ops[*next].outputs[0]));
  return true;
}

void Trunk::Grow() {
  while (!readers_.is_output(last())) {
    const std::vector<size_t> reading = ReadersOf(readers_, last());
    if (!CloseSkip(reading) && !AppendLayer(reading)) {
      if (!reading.empty()) found_.end = graph_.ops[reading.back()].Describe();
      return;
    }
  }
}

/// An operator outside of the trunk that reads one of its maps but the last.
std::optional<size_t> Trunk::FirstStrayReader(int32_t& map) const {
  for (map = 0; map < found_.chain.size(); ++map) {
    for (const size_t i : ReadersOf(readers_, static_cast<int32_t>(found_.maps[map]))) {
      const bool own = i == found_.layer_ops[static_cast<size_t>(map)];
      if (!own && !std::ranges::count(found_.skip_ops, i)) return i;
    }
  }
  return std::nullopt;
}

void Trunk::CutBack() {
  int32_t map = 0;
  while (const auto stray = FirstStrayReader(map)) {
    found_.end = graph_.ops[*stray].Describe();
    const auto kept = static_cast<size_t>(map);
    found_.chain.layers.resize(kept);
    found_.layer_ops.resize(kept);
    found_.maps.resize(kept + 1);
    for (size_t i = found_.skip_ops.size(); i-- > 0;) {
      if (found_.chain.skips[i].to <= map) continue;
      found_.chain.skips.erase(found_.chain.skips.begin() + static_cast<ptrdiff_t>(i));
      found_.skip_ops.erase(found_.skip_ops.begin() + static_cast<ptrdiff_t>(i));
    }
  }
}

GraphChain Trunk::Finish() && {
  std::vector<bool> taken(graph_.ops.size());
  for (const auto* ops : {&found_.head_ops, &found_.layer_ops, &found_.skip_ops}) {
    for (const size_t i : *ops) taken[i] = true;
  }
  for (size_t i = 0; i < graph_.ops.size(); ++i) {
    if (!taken[i]) found_.tail_ops.push_back(i);
  }
  return std::move(found_);
}

/// What lives at once after the trunk, views counted once. A mean over the whole last map is left
/// out: it may be summed up while the map is made.
ChainTail TailOf(const Graph& graph, const Readers& readers, const GraphChain& found) {
  const auto last_map = static_cast<int32_t>(found.maps.back());
  ChainTail tail;
  std::map<int32_t, int64_t> live = {{last_map, int64_t(graph.tensor(last_map).Bytes())}};
  std::vector<bool> done(graph.ops.size(), true);
  for (const size_t i : found.tail_ops) done[i] = false;
  for (const size_t i : found.tail_ops) {
    const Op& op = graph.ops[i];
    const bool first = std::ranges::count(op.inputs, last_map) > 0;
    if (first && readers.of(last_map).size() == 1 && PoolsWholeMap(graph, op)) {
      tail.pools = true;
      live.erase(last_map);
    }
    for (const int32_t out : op.outputs) {
      live[out] = IsView(op) ? live[op.inputs[0]] : int64_t(graph.tensor(out).Bytes());
      if (IsView(op)) live[op.inputs[0]] = 0;
    }
    int64_t bytes = 0;
    for (const auto& [tensor, size] : live) bytes += size;
    tail.bytes = std::max(tail.bytes, bytes);
    done[i] = true;
    std::erase_if(live, [&](const auto& item) {
      return !readers.is_output(item.first) &&
             std::ranges::all_of(readers.of(item.first), [&](size_t r) { return done[r]; });
    });
  }
  return tail;
}

}  // namespace

Result<GraphChain> FindChain(const Graph& graph) {
  const Readers readers(graph);
  Trunk trunk(graph, readers);
  TRY(trunk.FindStart());
  trunk.Grow();
  trunk.CutBack();
  GraphChain found = std::move(trunk).Finish();
  if (found.chain.layers.empty()) {
    return Status(Code::kUnimplemented,
                  fmt::format("the model branches at its first map ({} reads it, too); nothing to "
                              "fuse",
                              found.end));
  }
  found.chain.tail = TailOf(graph, readers, found);
  found.chain.tail.follows = found.end;
  TRY(CheckChain(found.chain));
  return found;
}

}  // namespace tinyrig::compiler
