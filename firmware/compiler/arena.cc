#include "firmware/compiler/arena.h"

#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/memory_planner.h"

namespace tinyrig::compiler {
namespace {

constexpr size_t kNone = SIZE_MAX;

/// A buffer in the making: tensors that share bytes, one after the other or as views.
struct Buffer {
  Lifetime life;
  std::vector<uint32_t> tensors;
};

class Sharer {
 public:
  Sharer(const Graph& graph, const std::vector<LoweredOp>& ops, const std::vector<uint32_t>& inputs)
      : graph_(graph), ops_(ops), inputs_(inputs), buffer_of_(graph.tensors.size(), kNone) {
    last_use_.assign(graph.tensors.size(), 0);
    is_output_.assign(graph.tensors.size(), false);
    for (uint32_t step = 0; step < ops.size(); ++step) {
      for (uint32_t input : ops[step].inputs) last_use_[input] = step;
      last_use_[ops[step].output] = std::max(last_use_[ops[step].output], step);
    }
    for (uint32_t output : graph.outputs) {
      last_use_[output] = ops.empty() ? 0 : static_cast<uint32_t>(ops.size() - 1);
      is_output_[output] = true;
    }
  }

  void Run() {
    shared_.assign(ops_.size(), false);
    for (uint32_t input : inputs_) Add(input, 0);
    for (uint32_t step = 0; step < ops_.size(); ++step) {
      const LoweredOp& op = ops_[step];
      const size_t home = HomeFor(op, step);
      if (buffer_of_[op.output] != kNone) continue;  // A part before this one made its place.
      if (home == kNone) {
        Add(op.output, step);
        continue;
      }
      shared_[step] = true;
      buffer_of_[op.output] = home;
      buffers_[home].tensors.push_back(op.output);
      buffers_[home].life.last = std::max(buffers_[home].life.last, last_use_[op.output]);
      buffers_[home].life.bytes =
          std::max(buffers_[home].life.bytes, graph_.tensors[op.output].Bytes());
    }
  }

  const std::vector<Buffer>& buffers() const { return buffers_; }
  const std::vector<size_t>& buffer_of() const { return buffer_of_; }
  std::vector<bool> TakeShared() { return std::move(shared_); }

 private:
  void Add(uint32_t tensor, uint32_t step) {
    buffer_of_[tensor] = buffers_.size();
    buffers_.push_back(
        {{graph_.tensors[tensor].Bytes(), step, std::max(step, last_use_[tensor])}, {tensor}});
  }

  /// The buffer of an input that the operator's output may take over, or kNone.
  size_t HomeFor(const LoweredOp& op, uint32_t step) const {
    if (op.sharing == Sharing::kNone) return kNone;
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const size_t buffer = buffer_of_[op.inputs[i]];
      if (buffer == kNone) continue;  // A constant.
      if (op.sharing == Sharing::kView) return buffer;
      if ((op.overwritable >> i & 1) == 0) continue;
      // Overwriting is only right when nobody reads the buffer later, under any of its names.
      const auto& tensors = buffers_[buffer].tensors;
      const bool dead = std::all_of(tensors.begin(), tensors.end(), [&](uint32_t tensor) {
        return last_use_[tensor] <= step && !is_output_[tensor];
      });
      if (dead) return buffer;
    }
    return kNone;
  }

  const Graph& graph_;
  const std::vector<LoweredOp>& ops_;
  const std::vector<uint32_t>& inputs_;
  std::vector<uint32_t> last_use_;
  std::vector<bool> is_output_;
  std::vector<Buffer> buffers_;
  std::vector<size_t> buffer_of_;
  std::vector<bool> shared_;
};

std::string NameOf(const Graph& graph, const Buffer& buffer) {
  std::string name;
  for (uint32_t tensor : buffer.tensors) {
    if (!name.empty()) name += " > ";
    name += graph.tensors[tensor].name;
  }
  return name;
}

}  // namespace

Result<ArenaLayout> LayOutArena(const Graph& graph, const std::vector<LoweredOp>& ops) {
  return LayOutArena(graph, ops, graph.inputs);
}

Result<ArenaLayout> LayOutArena(const Graph& graph, const std::vector<LoweredOp>& ops,
                                const std::vector<uint32_t>& inputs) {
  Sharer sharer(graph, ops, inputs);
  sharer.Run();

  std::vector<Lifetime> lives;
  std::vector<uint32_t> scratch_steps;
  for (const Buffer& buffer : sharer.buffers()) lives.push_back(buffer.life);
  for (uint32_t step = 0; step < ops.size(); ++step) {
    if (ops[step].scratch_bytes == 0) continue;
    lives.push_back({ops[step].scratch_bytes, step, step});
    scratch_steps.push_back(step);
  }
  if (lives.size() > kMaxBuffers) {
    return Status(Code::kResourceExhausted,
                  fmt::format("the model needs {} buffers, more than {}; split the model",
                              lives.size(), kMaxBuffers));
  }
  const MemoryPlan plan = PlanMemory(lives, runtime::kArenaAlignment);
  if (plan.bytes > INT32_MAX) {
    return Status(Code::kResourceExhausted,
                  fmt::format("the model needs {} B for activations, more than 2 GB; use smaller "
                              "inputs",
                              plan.bytes));
  }

  ArenaLayout layout;
  layout.bytes = plan.bytes;
  layout.lower_bound = plan.lower_bound;
  layout.shared = sharer.TakeShared();
  layout.tensor_offsets.assign(graph.tensors.size(), ArenaLayout::kUnplaced);
  layout.scratch_offsets.assign(ops.size(), 0);
  const size_t tensor_buffers = sharer.buffers().size();
  for (size_t tensor = 0; tensor < graph.tensors.size(); ++tensor) {
    const size_t buffer = sharer.buffer_of()[tensor];
    if (buffer != kNone) layout.tensor_offsets[tensor] = plan.offsets[buffer];
  }
  for (size_t i = 0; i < lives.size(); ++i) {
    PlannedBuffer planned{"", {}, plan.offsets[i], lives[i].bytes, lives[i].first, lives[i].last};
    if (i < tensor_buffers) {
      planned.name = NameOf(graph, sharer.buffers()[i]);
      planned.tflite_tensors = sharer.buffers()[i].tensors;
    } else {
      const uint32_t step = scratch_steps[i - tensor_buffers];
      planned.name = fmt::format("scratch of operator {}", ops[step].tflite_op);
      layout.scratch_offsets[step] = plan.offsets[i];
    }
    layout.buffers.push_back(std::move(planned));
  }
  return layout;
}

uint64_t PeakWithoutIo(const Graph& graph, const std::vector<LoweredOp>& ops,
                       const std::vector<PlannedBuffer>& buffers) {
  std::vector<bool> is_io(graph.tensors.size());
  for (const auto* ends : {&graph.inputs, &graph.outputs}) {
    for (const uint32_t tensor : *ends) is_io[tensor] = true;
  }
  const auto join = [&](const LoweredOp& op) {
    if (op.sharing != Sharing::kView) return;
    is_io[op.inputs[0]] = is_io[op.output] = is_io[op.inputs[0]] || is_io[op.output];
  };
  std::ranges::for_each(ops, join);
  std::ranges::for_each(ops.rbegin(), ops.rend(), join);
  uint64_t peak = 0;
  for (uint32_t step = 0; step < ops.size(); ++step) {
    uint64_t alive = 0;
    for (const PlannedBuffer& buffer : buffers) {
      const bool counts =
          buffer.tflite_tensors.empty() ||
          std::ranges::any_of(buffer.tflite_tensors, [&](uint32_t t) { return !is_io[t]; });
      if (counts && buffer.first_op <= step && step <= buffer.last_op) alive += buffer.bytes;
    }
    peak = std::max(peak, alive);
  }
  return peak;
}

}  // namespace tinyrig::compiler
