#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/device/device.pb.h"
#include "proto/device/messages.h"
#include "tests/integration/firmware/qemu_board.h"

namespace tinyrig::device {

/// The host's end of the protocol, for tests: one request at a time, no retries. Every answer that
/// does not come within the deadline is a test failure and an empty result.
class ProtocolClient {
 public:
  explicit ProtocolClient(QemuBoard& board) : board_(board) {}

  struct VectorRun {
    std::vector<LayerRecord> layers;
    std::vector<InferenceResult> results;
    std::vector<uint8_t> output;
    std::optional<Fault> fault;
  };

  Hello SayHello(uint32_t token);
  pb::Reply Control(const pb::Request& request);

  /// Start with the sizes of `input`; asserts that it succeeds. Sets the nonce.
  pb::Started Start(size_t input_bytes, uint32_t warmup, uint32_t repetitions, bool send_outputs,
                    bool observe_layers);

  /// Sends `input` in chunks, waiting for each acknowledgement, and collects what comes until the
  /// last of `repetitions` results, or a fault.
  VectorRun Run(uint32_t vector_index, std::span<const std::byte> input, uint32_t repetitions);

  void Send(FrameType type, uint8_t flags, const void* head, size_t head_size,
            std::span<const std::byte> body = {});
  std::optional<FrameView> Receive(std::chrono::seconds patience = std::chrono::seconds(30));

  uint64_t nonce() const { return nonce_; }

 private:
  QemuBoard& board_;
  uint64_t nonce_ = 0x0123456789ABCDEF;
  uint16_t sequence_ = 0;
};

}  // namespace tinyrig::device
