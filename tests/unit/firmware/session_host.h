#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "firmware/protocol/control.h"
#include "firmware/protocol/session.h"
#include "proto/device/frame.h"
#include "tests/unit/firmware/fake_port.h"
#include "tests/unit/firmware/tiny_blob.h"

namespace tinyrig::device {

/// The other end of the link: makes requests, takes answers apart.
struct Frame {
  FrameType type;
  uint16_t sequence;
  std::vector<uint8_t> payload;

  template <typename T>
  T As() const {
    T value{};
    EXPECT_TRUE(ReadStruct(payload.data(), payload.size(), &value));
    return value;
  }
};

inline constexpr uint64_t kNonce = 0x1122334455667788;

class SessionHost : public testing::Test {
 protected:
  static constexpr uint32_t kInputBytes = 40;

  void SetUp() override {
    port::ResetFakeBoard();
    port::Board().blob = TinyBlob(kInputBytes);
    port::Board().blob.resize(64);
  }

  /// Bytes of a frame as they travel.
  static std::vector<uint8_t> Encode(FrameType type, uint16_t sequence, const void* head,
                                     size_t head_size, const std::vector<uint8_t>& body = {},
                                     uint8_t flags = 0) {
    std::vector<uint8_t> bytes(kMaxEncoded);
    bytes.resize(EncodeFrame(type, flags, sequence, head, head_size, body.data(), body.size(),
                             bytes.data(), bytes.size()));
    return bytes;
  }

  static std::vector<uint8_t> HelloFrame(uint32_t token) {
    const HelloRequest request = {kProtocolVersion, 0, token};
    return Encode(FrameType::kHelloRequest, 5, &request, sizeof(request));
  }

  static std::vector<uint8_t> ChunkFrame(const VectorChunk& chunk, const std::vector<uint8_t>& data,
                                         bool run) {
    return Encode(FrameType::kVectorChunk, 6, &chunk, sizeof(chunk), data, run ? kFlagRun : 0);
  }

  static std::vector<uint8_t> ControlFrame(uint16_t sequence, const Request& request);

  static Request StartRequest(uint32_t repetitions = 1) {
    Request request = tinyrig_device_pb_Request_init_zero;
    request.which_kind = tinyrig_device_pb_Request_start_tag;
    request.kind.start.nonce = kNonce;
    request.kind.start.vector_set_crc32c = 0xABCD;
    request.kind.start.input_bytes = kInputBytes;
    request.kind.start.repetitions = repetitions;
    return request;
  }

  static Request FinishRequest(uint64_t nonce = kNonce) {
    Request request = tinyrig_device_pb_Request_init_zero;
    request.which_kind = tinyrig_device_pb_Request_finish_tag;
    request.kind.finish.nonce = nonce;
    return request;
  }

  void Put(const std::vector<uint8_t>& bytes) {
    port::Board().received.insert(port::Board().received.end(), bytes.begin(), bytes.end());
  }

  /// Lets the board work until it has nothing to do; returns what it sent.
  std::vector<Frame> Run() {
    for (int steps = 0; session_.Step(); ++steps) {
      if (steps > 100000) {
        ADD_FAILURE() << "the session never rests";
        break;
      }
    }
    return TakeFrames();
  }

  std::vector<Frame> TakeFrames() {
    std::vector<Frame> frames;
    for (uint8_t byte : port::Board().sent) {
      const FrameDecoder::Event event = host_decoder_.Push(byte);
      EXPECT_TRUE(event == FrameDecoder::Event::kNone || event == FrameDecoder::Event::kFrame);
      if (event != FrameDecoder::Event::kFrame) continue;
      const FrameView& view = host_decoder_.frame();
      frames.push_back({view.type, view.sequence, {view.payload, view.payload + view.size}});
    }
    port::Board().sent.clear();
    return frames;
  }

  std::vector<Frame> Exchange(const std::vector<uint8_t>& bytes) {
    Put(bytes);
    return Run();
  }

  Reply Control(const Request& request, uint16_t sequence = 1);
  void StartOk(uint32_t repetitions = 1) { StartOk(StartRequest(repetitions)); }
  void StartOk(const Request& request) { ASSERT_EQ(Control(request).code, 0u); }

  static std::vector<uint8_t> Vector(uint8_t first) {
    std::vector<uint8_t> vector(kInputBytes);
    for (size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<uint8_t>(first + i);
    return vector;
  }

  /// Sends a whole vector in one chunk and runs it.
  std::vector<Frame> RunVector(uint32_t index, const std::vector<uint8_t>& vector) {
    return Exchange(ChunkFrame({kNonce, index, 0}, vector, true));
  }

  Transport transport_;
  Session session_{transport_};
  FrameDecoder host_decoder_;
};

}  // namespace tinyrig::device
