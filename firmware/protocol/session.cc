#include "firmware/protocol/session.h"

#include <algorithm>
#include <cstring>

#include "firmware/ports/port.h"
#include "firmware/protocol/hello.h"
#include "proto/device/crc32c.h"
#include "proto/device/fnv1a.h"
#include "proto/device/limits.h"
#include "proto/device/paint.h"

namespace tinyrig::device {
namespace {

uint32_t Address(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

std::span<const uint8_t> Bytes(std::span<const std::byte> data) {
  return {reinterpret_cast<const uint8_t*>(data.data()), data.size()};
}

/// Paints arena and stack for high-water marks.
[[gnu::noinline]] void PaintMemory(uint64_t nonce) {
  const std::span<std::byte> arena = port::GetMemory().arena;
  Paint(arena.data(), arena.data() + arena.size() / kPaintWord * kPaintWord, nonce);
  port::PaintStack(nonce);
}

class LayerReporter final : public LayerSink {
 public:
  LayerReporter(Transport& transport, uint64_t nonce, uint32_t vector_index, uint16_t* sequence)
      : transport_(transport), nonce_(nonce), vector_index_(vector_index), sequence_(sequence) {}

  void OnLayer(const runtime::OpResult& result, uint32_t ticks) override {
    LayerRecord record{};
    record.nonce = nonce_;
    record.vector_index = vector_index_;
    record.op_index = operators_++;
    record.tflite_index = result.tflite_op;
    record.tensor_index = result.tflite_tensor;
    record.bytes = static_cast<uint32_t>(result.data.size());
    record.fnv1a32 = Fnv1a32(result.data.data(), result.data.size());
    record.ticks = ticks;
    record.macs = result.macs;
    transport_.SendStruct(FrameType::kLayer, (*sequence_)++, record);
  }

 private:
  Transport& transport_;
  uint64_t nonce_;
  uint32_t vector_index_;
  uint16_t* sequence_;
  uint16_t operators_ = 0;
};

}  // namespace

bool Session::Step() {
  if (!parked_ && transport_.Poll()) {
    OnFrame();
    return true;
  }
  if (running_) {
    RunRepetition();
    return true;
  }
  if (parked_) {
    parked_ = false;
    OnFrame();
    return true;
  }
  return false;
}

void Session::OnFrame() {
  const FrameView& frame = transport_.frame();
  switch (frame.type) {
    case FrameType::kHelloRequest:
      return OnHello(frame);
    case FrameType::kControl:
      return OnControl(frame);
    case FrameType::kVectorChunk:
      return OnChunk(frame);
    default:
      return;  // Not for a board: an echo, or a newer host.
  }
}

void Session::OnHello(const FrameView& frame) {
  HelloRequest request;
  if (!ReadStruct(frame.payload, frame.size, &request)) return;
  End();
  reply_size_ = 0;
  transport_.SendStruct(FrameType::kHello, frame.sequence, MakeHello(request.token));
}

void Session::OnControl(const FrameView& frame) {
  const uint32_t crc32c = Crc32c(frame.payload, frame.size);
  const bool repeated =
      reply_size_ != 0 && frame.sequence == request_sequence_ && crc32c == request_crc32c_;
  if (!repeated) {
    reply_ = tinyrig_device_pb_Reply_init_zero;
    const bool sound = DecodeRequest({frame.payload, frame.size}, &request_);
    reply_.code = static_cast<uint32_t>(sound ? Obey() : Code::kInvalidArgument);
    reply_size_ = EncodeReply(reply_, reply_bytes_);
    request_sequence_ = frame.sequence;
    request_crc32c_ = crc32c;
  }
  transport_.Send(FrameType::kControlReply, frame.sequence, {reply_bytes_, reply_size_});
}

Code Session::Obey() {
  if (request_.which_kind == tinyrig_device_pb_Request_finish_tag) return OnFinish();
  const Code code = OnStart();
  DescribeStart();
  if (code != Code::kOk) End();
  return code;
}

Code Session::OnFinish() {
  if (nonce_ == 0 || request_.kind.finish.nonce != nonce_) return Code::kFailedPrecondition;
  reply_.which_kind = tinyrig_device_pb_Reply_finished_tag;
  reply_.kind.finished = {inferences_, transport_.decoder().good_frames() - good_before_,
                          transport_.decoder().bad_frames() - bad_before_};
  End();
  return Code::kOk;
}

Code Session::OnStart() {
  const Start& start = request_.kind.start;
  End();
  nonce_ = start.nonce;  // A crash from here on is this job's.
  PaintMemory(nonce_);
  if (const Code code = runner_.Prepare(FindBlob(), port::GetMemory().arena); code != Code::kOk) {
    return code;
  }
  if (start.nonce == 0 || start.warmup > kMaxWarmup || start.repetitions == 0 ||
      start.repetitions > kMaxRepetitions || start.input_bytes == 0 ||
      start.input_bytes != runner_.input_bytes()) {
    return Code::kInvalidArgument;
  }
  vector_set_crc32c_ = start.vector_set_crc32c;
  warmup_ = start.warmup;
  repetitions_ = start.repetitions;
  send_outputs_ = start.send_outputs;
  observe_ = start.observe_layers;
  vector_index_ = 0;
  next_offset_ = 0;
  warmed_up_ = 0;
  inferences_ = 0;
  good_before_ = transport_.decoder().good_frames();
  bad_before_ = transport_.decoder().bad_frames();
  return Code::kOk;
}

void Session::DescribeStart() {
  const port::Memory memory = port::GetMemory();
  reply_.which_kind = tinyrig_device_pb_Reply_started_tag;
  Started& started = reply_.kind.started;
  started.input_bytes = runner_.input_bytes();
  started.output_bytes = runner_.output_bytes();
  started.arena_bytes = runner_.arena_bytes();
  started.arena_limit = static_cast<uint32_t>(memory.arena.size());
  started.arena_address = Address(memory.arena.data());
  started.stack_low_address = Address(memory.stack.data());
  started.stack_bytes = static_cast<uint32_t>(memory.stack.size());
  started.prepare_ticks = runner_.prepare_ticks();
}

void Session::OnChunk(const FrameView& frame) {
  VectorChunk chunk;
  if (!ReadStruct(frame.payload, frame.size, &chunk)) return;
  if (running_ && chunk.nonce == nonce_) {
    // The results of this vector are on their way: a repeated request for them needs no answer.
    parked_ = chunk.vector_index != vector_index_;
    return;
  }
  const std::span<const uint8_t> data(frame.payload + sizeof(chunk), frame.size - sizeof(chunk));
  const bool was_running = running_;
  ChunkAck ack{};
  ack.nonce = chunk.nonce;
  ack.vector_index = chunk.vector_index;
  ack.code = static_cast<uint8_t>(TakeChunk(chunk, data, frame.flags & kFlagRun));
  if (running_ && !was_running) return;
  if (chunk.nonce == nonce_ && chunk.vector_index == vector_index_) ack.next_offset = next_offset_;
  transport_.SendStruct(FrameType::kChunkAck, frame.sequence, ack);
}

Code Session::TakeChunk(const VectorChunk& chunk, std::span<const uint8_t> data, bool run) {
  const uint32_t input_bytes = runner_.input_bytes();
  if (nonce_ == 0 || chunk.nonce != nonce_) return Code::kFailedPrecondition;
  if (chunk.offset > input_bytes || data.size() > input_bytes - chunk.offset) {
    return Code::kOutOfRange;
  }
  if (chunk.vector_index != vector_index_) {
    if (chunk.offset != 0 || data.empty()) return Code::kOk;  // The ack asks for its beginning.
    vector_index_ = chunk.vector_index;
    next_offset_ = 0;
  }
  if (chunk.offset == next_offset_ && !data.empty()) {
    std::memcpy(runner_.staged_input().data() + next_offset_, data.data(), data.size());
    next_offset_ += static_cast<uint32_t>(data.size());
  }
  const bool last = data.empty() || chunk.offset + data.size() == input_bytes;
  if (run && last && next_offset_ == input_bytes) {
    running_ = true;
    repetition_ = 0;
  }
  return Code::kOk;
}

void Session::RunRepetition() {
  const RunOutcome outcome = observing() ? RunObserved() : runner_.RunTimed();
  ++inferences_;
  Report(outcome);
  if (warming_up()) {
    ++warmed_up_;
  } else if (++repetition_ == repetitions_) {
    running_ = false;
  }
}

RunOutcome Session::RunObserved() {
  LayerReporter reporter(transport_, nonce_, vector_index_, &sequence_);
  return runner_.RunObserved(reporter);
}

void Session::Report(const RunOutcome& outcome) {
  const Phase phase = warming_up()  ? Phase::kWarmup
                      : observing() ? Phase::kObserved
                                    : Phase::kTimed;
  const bool with_output = send_outputs_ && !warming_up() && repetition_ == 0;
  InferenceResult result{};
  result.nonce = nonce_;
  result.vector_set_crc32c = vector_set_crc32c_;
  result.vector_index = vector_index_;
  result.repetition = warming_up() ? warmed_up_ : repetition_;
  result.input_crc32c = outcome.input_crc32c;
  result.output_crc32c = outcome.output_crc32c;
  result.output_size = with_output ? runner_.output_bytes() : 0;
  result.ticks = outcome.ticks;
  result.phase = static_cast<uint8_t>(phase);
  result.code = static_cast<uint8_t>(Code::kOk);
  transport_.SendStruct(FrameType::kResult, sequence_++, result);
  if (with_output) SendOutputs();
}

void Session::SendOutputs() {
  OutputChunk head{};
  head.nonce = nonce_;
  head.vector_index = vector_index_;
  for (size_t i = 0; i < runner_.output_count(); ++i) {
    std::span<const uint8_t> rest = Bytes(runner_.output(i));
    while (!rest.empty()) {
      const size_t size = std::min(rest.size(), kMaxPayload - sizeof(head));
      transport_.SendStruct(FrameType::kOutput, sequence_++, head, rest.first(size));
      head.offset += static_cast<uint32_t>(size);
      rest = rest.subspan(size);
    }
  }
}

void Session::End() {
  nonce_ = 0;
  running_ = false;
  parked_ = false;
}

}  // namespace tinyrig::device
