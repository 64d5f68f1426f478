#include "firmware/protocol/runner.h"

#include <cstring>

#include "firmware/ports/port.h"
#include "proto/device/crc32c.h"
#include "proto/device/paint.h"

namespace tinyrig::device {
namespace {

/// Times each operator: from the end of the last one's report to its own end.
class OperatorTimer final : public runtime::OpObserver {
 public:
  explicit OperatorTimer(LayerSink& sink) : sink_(sink) {}
  void OnOp(const runtime::OpResult& result) override {
    const uint32_t ticks = port::CounterStop();
    sink_.OnLayer(result, ticks);
    port::CounterStart();
  }

 private:
  LayerSink& sink_;
};

}  // namespace

Code Runner::Prepare(std::span<const std::byte> blob, std::span<std::byte> arena) {
  staged_ = {};
  input_bytes_ = 0;
  output_bytes_ = 0;
  port::CounterStart();
  const Code code = model_.Prepare(blob, arena);
  prepare_ticks_ = port::CounterStop();
  return code == Code::kOk ? LayOut(arena) : code;
}

Code Runner::LayOut(std::span<std::byte> arena) {
  // Sums of sizes that each fit the arena could still wrap in 32 bits: tensors may share bytes.
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  for (size_t i = 0; i < model_.input_count(); ++i) input_bytes += model_.Input(i).data.size();
  for (size_t i = 0; i < model_.output_count(); ++i) output_bytes += model_.Output(i).data.size();
  if (input_bytes > UINT32_MAX || output_bytes > UINT32_MAX) return Code::kInvalidArgument;
  input_bytes_ = static_cast<uint32_t>(input_bytes);
  output_bytes_ = static_cast<uint32_t>(output_bytes);

  if (ArenaNeed(model_.arena_bytes(), input_bytes_) > arena.size()) return Code::kResourceExhausted;
  staged_ = arena.subspan(StagedOffset(model_.arena_bytes()), input_bytes_);
  model_.StreamFrom(staged_.data());
  return Code::kOk;
}

RunOutcome Runner::CopyInput() {
  RunOutcome outcome{};
  size_t at = 0;
  for (size_t i = 0; i < model_.input_count(); ++i) {
    const std::span<std::byte> input = model_.Input(i).data;
    // A streamed input is what is staged.
    if (!model_.streams_input()) std::memcpy(input.data(), staged_.data() + at, input.size());
    outcome.input_crc32c = Crc32c(input.data(), input.size(), outcome.input_crc32c);
    at += input.size();
  }
  return outcome;
}

void Runner::HashOutput(RunOutcome* outcome) const {
  for (size_t i = 0; i < model_.output_count(); ++i) {
    const std::span<const std::byte> data = output(i);
    outcome->output_crc32c = Crc32c(data.data(), data.size(), outcome->output_crc32c);
  }
}

RunOutcome Runner::RunTimed() {
  RunOutcome outcome = CopyInput();
  port::CounterStart();
  model_.Invoke();
  outcome.ticks = port::CounterStop();
  HashOutput(&outcome);
  return outcome;
}

RunOutcome Runner::RunObserved(LayerSink& sink) {
  RunOutcome outcome = CopyInput();
  OperatorTimer timer(sink);
  port::CounterStart();
  model_.Invoke(&timer);
  port::CounterStop();
  HashOutput(&outcome);
  return outcome;
}

}  // namespace tinyrig::device
