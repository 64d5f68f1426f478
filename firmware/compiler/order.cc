#include "firmware/compiler/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <queue>

#include "firmware/compiler/arena.h"

namespace tinyrig::compiler {
namespace {

/// The operators that are done, one bit each.
using Done = std::vector<bool>;

uint64_t Aligned(uint64_t bytes) { return runtime::RoundUp(bytes, runtime::kArenaAlignment); }

/// Which operators wait for which, and how many bytes live when some of them are done.
class Schedule {
 public:
  Schedule(const Graph& graph, const std::vector<LoweredOp>& ops) : ops_(ops) {
    before_.resize(ops.size());
    home_.resize(graph.tensors.size());
    bytes_.resize(graph.tensors.size());
    for (size_t t = 0; t < home_.size(); ++t) {
      home_[t] = t;
      bytes_[t] = Aligned(graph.tensors[t].Bytes());
    }
    users_.resize(graph.tensors.size());
    kept_.resize(graph.tensors.size());
    std::vector<std::vector<size_t>> writers(graph.tensors.size());
    for (size_t i = 0; i < ops.size(); ++i) {
      const LoweredOp& op = ops[i];
      // A view lives and dies with what it looks at.
      if (op.sharing == Sharing::kView) home_[op.output] = home_[op.inputs[0]];
      for (uint32_t input : op.inputs) {
        users_[home_[input]].push_back(i);
        before_[i].insert(before_[i].end(), writers[input].begin(), writers[input].end());
      }
      // Parts of one tensor are written in their order.
      before_[i].insert(before_[i].end(), writers[op.output].begin(), writers[op.output].end());
      writers[op.output].push_back(i);
      users_[home_[op.output]].push_back(i);
      bytes_[home_[op.output]] = std::max(bytes_[home_[op.output]], bytes_[op.output]);
    }
    for (uint32_t output : graph.outputs) kept_[home_[output]] = true;
    is_input_.resize(graph.tensors.size());
    for (uint32_t input : graph.inputs) is_input_[home_[input]] = true;
    for (size_t t = 0; t < home_.size(); ++t) {
      if (graph.tensors[t].constant) continue;
      if (home_[t] == t && (is_input_[t] || !users_[t].empty())) buffers_.push_back(t);
    }
  }

  size_t buffer_count() const { return buffers_.size(); }

  bool Ready(const Done& done, size_t op) const {
    return !done[op] &&
           std::ranges::all_of(before_[op], [&](size_t earlier) { return done[earlier]; });
  }

  /// Bytes while operator `op` runs after those that are `done`.
  uint64_t BytesDuring(const Done& done, size_t op) const {
    const size_t output = home_[ops_[op].output];
    uint64_t bytes = Aligned(ops_[op].scratch_bytes);
    bool overwritten = false;
    for (size_t t : buffers_) {
      if (t == output || !Lives(done, t)) continue;
      if (!overwritten && CanOverwrite(done, op, t)) {
        overwritten = true;
        bytes += std::max(bytes_[t], bytes_[output]);
      } else {
        bytes += bytes_[t];
      }
    }
    return overwritten ? bytes : bytes + bytes_[output];
  }

 private:
  bool Started(const Done& done, size_t tensor) const {
    return is_input_[tensor] ||
           std::ranges::any_of(users_[tensor], [&](size_t user) { return done[user]; });
  }
  bool Lives(const Done& done, size_t tensor) const {
    if (!Started(done, tensor)) return false;
    return kept_[tensor] ||
           !std::ranges::all_of(users_[tensor], [&](size_t user) { return done[user]; });
  }
  bool CanOverwrite(const Done& done, size_t op, size_t tensor) const {
    if (ops_[op].sharing != Sharing::kInPlace || kept_[tensor]) return false;
    const auto& inputs = ops_[op].inputs;
    bool allowed = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      allowed |= home_[inputs[i]] == tensor && (ops_[op].overwritable >> i & 1) != 0;
    }
    return allowed && std::ranges::all_of(users_[tensor],
                                          [&](size_t user) { return user == op || done[user]; });
  }

  const std::vector<LoweredOp>& ops_;
  std::vector<std::vector<size_t>> before_;
  std::vector<size_t> home_;  ///< By tensor: the one whose bytes it looks at, usually itself.
  std::vector<uint64_t> bytes_;
  std::vector<std::vector<size_t>> users_;  ///< By home: operators that read or write it.
  std::vector<bool> kept_;
  std::vector<bool> is_input_;
  std::vector<size_t> buffers_;
};

/// The order with the lowest peak: the cheapest way, by its highest point, from nothing done to all
/// done. Nothing when there are too many states.
std::optional<std::vector<size_t>> FindOrder(const Schedule& schedule, size_t count) {
  struct Way {
    uint64_t peak;
    size_t last;  ///< The operator done last.
  };
  constexpr size_t kMaxLooks = 20'000'000;  // at a buffer in a state
  const size_t max_states = std::min(kMaxOrderStates, kMaxLooks / (schedule.buffer_count() + 1));
  std::map<Done, Way> best;
  using Entry = std::pair<uint64_t, Done>;
  const auto later = [](const Entry& a, const Entry& b) {
    if (a.first != b.first) return a.first > b.first;
    return a.second < b.second;  // Further along first; equal peaks in one fixed order.
  };
  std::priority_queue<Entry, std::vector<Entry>, decltype(later)> open(later);
  open.push({0, Done(count)});
  best[Done(count)] = {0, count};
  const Done all(count, true);
  while (!open.empty()) {
    const auto [peak, done] = open.top();
    open.pop();
    if (done == all) break;
    if (best.at(done).peak < peak) continue;
    for (size_t op = 0; op < count; ++op) {
      if (!schedule.Ready(done, op)) continue;
      const uint64_t next_peak = std::max(peak, schedule.BytesDuring(done, op));
      Done next = done;
      next[op] = true;
      const auto [at, is_new] = best.try_emplace(next, Way{next_peak, op});
      if (!is_new && at->second.peak <= next_peak) continue;
      at->second = {next_peak, op};
      if (best.size() > max_states) return std::nullopt;
      open.push({next_peak, std::move(next)});
    }
  }
  std::vector<size_t> order(count);
  Done done = all;
  for (size_t i = count; i-- > 0;) {
    order[i] = best.at(done).last;
    done[order[i]] = false;
  }
  return order;
}

/// Whether some operator does not just continue the one before it: else there is one order only.
bool HasBranches(const std::vector<LoweredOp>& ops) {
  for (size_t i = 1; i < ops.size(); ++i) {
    if (std::ranges::find(ops[i].inputs, ops[i - 1].output) == ops[i].inputs.end()) return true;
  }
  return false;
}

}  // namespace

std::vector<LoweredOp> OrderForMemory(const Graph& graph, std::vector<LoweredOp> ops,
                                      std::vector<PassNote>& notes) {
  if (!HasBranches(ops)) return ops;
  const auto before = LayOutArena(graph, ops);
  if (!before.ok()) return ops;
  const auto order = FindOrder(Schedule(graph, ops), ops.size());
  if (!order) return ops;
  std::vector<LoweredOp> reordered;
  reordered.reserve(ops.size());
  for (size_t i : *order) reordered.push_back(ops[i]);
  const auto after = LayOutArena(graph, reordered);
  if (!after.ok() || after->bytes >= before->bytes) return ops;
  const auto moved =
      std::ranges::mismatch(reordered, ops, {}, &LoweredOp::tflite_op, &LoweredOp::tflite_op).in1;
  notes.push_back({"order_for_memory", moved->tflite_op,
                   fmt::format("operators in another order from {} on: an arena of {} B instead of "
                               "{} B",
                               moved->tflite_op, after->bytes, before->bytes)});
  return reordered;
}

}  // namespace tinyrig::compiler
