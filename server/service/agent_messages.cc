#include "server/service/agent_messages.h"

#include <fmt/format.h>

namespace tinyrig::server {
namespace {

constexpr uint32_t kInferenceTimeoutMs = 30'000;

}  // namespace

LeaseKey KeyOf(const v1::AttemptKey& key) {
  return {JobId(key.job_id()), key.attempt(), Fence(key.fence())};
}

v1::AttemptKey ToProto(const LeaseKey& key) {
  v1::AttemptKey proto;
  proto.set_job_id(key.job.value);
  proto.set_attempt(key.attempt);
  proto.set_fence(key.fence.value);
  return proto;
}

std::string Text(const LeaseKey& key) {
  return fmt::format("job {} attempt {}", key.job.value, key.attempt);
}

Labels LabelsOf(const v1::AgentBoard& board) {
  Labels labels;
  for (const v1::Label& label : board.labels()) labels[label.key()] = label.value();
  return labels;
}

v1::LeaseOffer MakeOffer(const Lease& lease, const JobContext& context) {
  v1::LeaseOffer offer;
  *offer.mutable_key() = ToProto(lease.key);
  offer.set_board_id(lease.board.value);
  offer.set_deadline_ms(static_cast<uint32_t>(lease.timeout_us / 1000));
  // A board under test begins in a known state.
  offer.set_power_cycle(lease.reference);
  *offer.mutable_image() = context.plan.image;
  *offer.mutable_vectors() = context.spec.vectors();
  v1::Execution& execution = *offer.mutable_execution();
  execution.set_warmup(context.spec.warmup());
  execution.set_repetitions(context.spec.repetitions());
  execution.set_layer_hashes(context.spec.layer_hashes());
  execution.set_profile(context.spec.profile());
  execution.set_input_bytes(context.plan.facts.input_bytes);
  for (const PlanInput& input : context.plan.facts.inputs) {
    v1::InputTensor* tensor = execution.add_inputs();
    tensor->set_elements(input.elements);
    tensor->set_is_float32(input.is_float32);
  }
  execution.set_output_bytes(context.plan.facts.output_bytes);
  execution.set_inference_timeout_ms(kInferenceTimeoutMs);
  execution.set_arena_bytes(static_cast<uint32_t>(context.plan.facts.arena_bytes));
  return offer;
}

}  // namespace tinyrig::server
