#include "tests/integration/firmware/protocol_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tinyrig::device {
namespace {

constexpr size_t kChunk = kMaxPayload - sizeof(VectorChunk);

}  // namespace

void ProtocolClient::Send(FrameType type, uint8_t flags, const void* head, size_t head_size,
                          std::span<const std::byte> body) {
  uint8_t bytes[kMaxEncoded];
  const size_t size = EncodeFrame(type, flags, ++sequence_, head, head_size, body.data(),
                                  body.size(), bytes, sizeof(bytes));
  board_.Send(bytes, size);
}

std::optional<FrameView> ProtocolClient::Receive(std::chrono::seconds patience) {
  const auto frame = board_.Receive(std::chrono::steady_clock::now() + patience);
  if (!frame) ADD_FAILURE() << "no answer from the board";
  return frame;
}

Hello ProtocolClient::SayHello(uint32_t token) {
  const HelloRequest request = {kProtocolVersion, 0, token};
  Send(FrameType::kHelloRequest, 0, &request, sizeof(request));
  Hello hello{};
  const auto frame = Receive();
  if (frame) {
    EXPECT_EQ(frame->type, FrameType::kHello);
    EXPECT_TRUE(ReadStruct(frame->payload, frame->size, &hello));
  }
  return hello;
}

pb::Reply ProtocolClient::Control(const pb::Request& request) {
  const std::string bytes = request.SerializeAsString();
  Send(FrameType::kControl, 0, bytes.data(), bytes.size());
  pb::Reply reply;
  const auto frame = Receive();
  if (frame) {
    EXPECT_EQ(frame->type, FrameType::kControlReply);
    EXPECT_TRUE(reply.ParseFromArray(frame->payload, static_cast<int>(frame->size)));
  }
  return reply;
}

pb::Started ProtocolClient::Start(size_t input_bytes, uint32_t warmup, uint32_t repetitions,
                                  bool send_outputs, bool observe_layers) {
  pb::Request request;
  pb::Start& start = *request.mutable_start();
  start.set_nonce(++nonce_);
  start.set_input_bytes(static_cast<uint32_t>(input_bytes));
  start.set_warmup(warmup);
  start.set_repetitions(repetitions);
  start.set_send_outputs(send_outputs);
  start.set_observe_layers(observe_layers);
  const pb::Reply reply = Control(request);
  EXPECT_EQ(reply.code(), 0u);
  EXPECT_TRUE(reply.has_started());
  return reply.started();
}

ProtocolClient::VectorRun ProtocolClient::Run(uint32_t vector_index,
                                              std::span<const std::byte> input,
                                              uint32_t repetitions) {
  VectorRun run;
  for (size_t offset = 0; offset < input.size();) {
    const size_t size = std::min(kChunk, input.size() - offset);
    const bool last = offset + size == input.size();
    const VectorChunk head = {nonce_, vector_index, static_cast<uint32_t>(offset)};
    Send(FrameType::kVectorChunk, last ? kFlagRun : 0, &head, sizeof(head),
         input.subspan(offset, size));
    offset += size;
    if (last) break;
    const auto frame = Receive();
    ChunkAck ack{};
    if (!frame || !ReadStruct(frame->payload, frame->size, &ack) || ack.next_offset != offset) {
      ADD_FAILURE() << "chunk at " << offset << " was not taken";
      return run;
    }
  }
  uint32_t timed = 0;
  size_t output_left = 0;
  while (timed < repetitions || output_left > 0) {
    const auto frame = Receive();
    if (!frame) return run;
    InferenceResult result{};
    LayerRecord layer{};
    Fault fault{};
    switch (frame->type) {
      case FrameType::kResult:
        EXPECT_TRUE(ReadStruct(frame->payload, frame->size, &result));
        EXPECT_EQ(result.nonce, nonce_);
        if (result.phase != static_cast<uint8_t>(Phase::kWarmup)) ++timed;
        output_left += result.output_size;
        run.results.push_back(result);
        break;
      case FrameType::kOutput:
        run.output.insert(run.output.end(), frame->payload + sizeof(OutputChunk),
                          frame->payload + frame->size);
        output_left -= frame->size - sizeof(OutputChunk);
        break;
      case FrameType::kLayer:
        EXPECT_TRUE(ReadStruct(frame->payload, frame->size, &layer));
        run.layers.push_back(layer);
        break;
      case FrameType::kFault:
        EXPECT_TRUE(ReadStruct(frame->payload, frame->size, &fault));
        run.fault = fault;
        return run;
      default:
        ADD_FAILURE() << "unexpected frame " << static_cast<int>(frame->type);
        return run;
    }
  }
  return run;
}

}  // namespace tinyrig::device
