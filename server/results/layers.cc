#include "server/results/layers.h"

#include <algorithm>
#include <optional>

#include "proto/device/messages.h"
#include "server/results/distribution.h"

namespace tinyrig::server {
namespace {

constexpr uint64_t kNanoseconds = 1'000'000'000;

std::optional<uint64_t> Counted(const v1::Identity& identity, uint32_t ticks) {
  if (ticks == device::kTicksOverflow || identity.counter_hz() == 0) return std::nullopt;
  const auto kind = static_cast<device::CounterKind>(identity.counter_kind());
  if (kind == device::CounterKind::kUnknown) return std::nullopt;
  const uint64_t event_hz =
      kind == device::CounterKind::kHostClock ? kNanoseconds : identity.clock_hz();
  return EventsFromTicks(ticks, event_hz, identity.counter_hz());
}

/// The planned operator of a sample: at its own place in the order of execution, or wherever the
/// plan has that operator of the model. None for an operator that no plan knows.
const PlanOp* Find(const PlanFacts& facts, const v1::LayerSample& sample) {
  const auto is_it = [&](const PlanOp& op) { return op.tflite_index == sample.tflite_index(); };
  if (sample.op_index() < facts.ops.size() && is_it(facts.ops[sample.op_index()])) {
    return &facts.ops[sample.op_index()];
  }
  const auto found = std::ranges::find_if(facts.ops, is_it);
  return found == facts.ops.end() ? nullptr : &*found;
}

}  // namespace

std::vector<v1::LayerHash> MakeLayers(const v1::AttemptResult& result, const PlanFacts& facts,
                                      const std::vector<std::string>& vector_names) {
  std::vector<v1::LayerHash> layers;
  for (const v1::LayerSample& sample : result.layers()) {
    v1::LayerHash layer;
    layer.set_vector_index(sample.vector_index());
    layer.set_vector(sample.vector_index() < vector_names.size()
                         ? vector_names[sample.vector_index()]
                         : std::to_string(sample.vector_index()));
    layer.set_op_index(sample.op_index());
    layer.set_tflite_index(sample.tflite_index());
    if (const PlanOp* op = Find(facts, sample); op != nullptr) {
      layer.set_op_name(op->name);
      layer.set_macs(op->macs);
      layer.set_form(op->form);
      for (const uint32_t size : op->output_shape) layer.add_output_shape(size);
    }
    layer.set_tensor_index(sample.tensor_index());
    layer.set_bytes(sample.bytes());
    layer.set_fnv1a32(sample.fnv1a32());
    layer.set_ticks(sample.ticks());
    if (const auto counted = Counted(result.identity(), sample.ticks())) {
      layer.set_counted(*counted);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace tinyrig::server
