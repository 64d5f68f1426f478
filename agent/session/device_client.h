#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "agent/session/failure.h"
#include "agent/session/frame_link.h"
#include "proto/device/device.pb.h"
#include "proto/device/messages.h"

namespace tinyrig::agent {

/// One session of the device protocol: Start, vectors, Finish. Resends what gets lost, drops what
/// belongs to another run. A failure of the link or a hang is the bench's, a crash or a refused
/// model the variant's.
class DeviceClient {
 public:
  struct Settings {
    uint64_t nonce = 0;
    uint32_t vector_set_crc32c = 0;
    uint32_t input_bytes = 0;
    uint32_t warmup = 0;
    uint32_t repetitions = 1;
    bool observe_layers = false;
    uint32_t rx_window = 1024;  ///< Bytes on the wire that the board can take.
    Clock::duration inference_timeout{};
  };

  /// All answers to one vector.
  struct VectorAnswer {
    std::vector<device::InferenceResult> warmups;
    std::map<uint32_t, device::InferenceResult> results;  ///< By repetition.
    std::vector<device::LayerRecord> layers;              ///< In the order of execution.
    std::vector<uint8_t> output;
  };

  /// What sending vectors took: from the first byte until the link has taken the last one, which is
  /// at most a window ahead of the board. Sending again is in the time, not in the bytes.
  struct Sent {
    uint64_t bytes = 0;
    Clock::duration time{};
  };

  DeviceClient(FrameLink& link, Settings settings) : link_(link), settings_(settings) {}

  Awaitable<StepResult<device::pb::Started>> Start(Deadline deadline);
  /// `input` has Settings::input_bytes bytes and lives until the call ends.
  Awaitable<StepResult<VectorAnswer>> Run(uint32_t vector_index, std::span<const uint8_t> input,
                                          Deadline deadline);
  Awaitable<StepResult<device::pb::Finished>> Finish(Deadline deadline);

  /// Chunks and requests that had to be sent again.
  uint32_t retransmits() const { return retransmits_; }
  const Sent& sent() const { return sent_; }

 private:
  struct Transfer;
  Awaitable<StepResult<device::pb::Reply>> Control(device::pb::Request request, Deadline deadline);
  Awaitable<Status> SendChunks(Transfer& transfer, Deadline deadline);
  StepResult<Done> Take(const Frame& frame, Transfer& transfer);
  StepResult<Done> TakeResult(const Frame& frame, Transfer& transfer);
  /// How long to wait in silence before something is taken for lost.
  Clock::duration Patience(const Transfer& transfer) const;
  void LearnPace(const Frame& frame, Transfer& transfer);
  bool Complete(const Transfer& transfer) const;
  static bool LayersComplete(const Frame& result, const Transfer& transfer);

  FrameLink& link_;
  Settings settings_;
  uint16_t sequence_ = 0;
  uint32_t retransmits_ = 0;
  Sent sent_;
  /// Longest wall time to a result so far with nothing lost in between: how patient to be.
  Clock::duration pace_{};
};

/// A crash as the variant's failure, with registers as evidence.
v1::Failure FaultFailure(const device::Fault& fault);

}  // namespace tinyrig::agent
