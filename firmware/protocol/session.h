#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/protocol/control.h"
#include "firmware/protocol/runner.h"
#include "firmware/protocol/transport.h"
#include "proto/device/messages.h"

namespace tinyrig::device {

/// The board's end of the device protocol (proto/device/README.md). Knows no board: bytes, counter
/// and memory come from firmware/ports/port.h.
///
///   idle --Start--> ready --chunk with kFlagRun--> running --last repetition--> ready
///   any state --HELLO--> idle, any state --Start--> ready, ready or running --Finish--> idle
///
/// While it runs, frames are looked at between repetitions. A chunk of another vector then waits,
/// and with it all that comes behind it, until the run is over: the staged input is still needed.
class Session {
 public:
  explicit Session(Transport& transport) : transport_(transport) {}

  /// Does the next piece of work: handles one frame, or runs one repetition. False when there was
  /// nothing to do and the board may sleep.
  bool Step();

  /// Of the running session; 0 outside of one.
  uint64_t nonce() const { return nonce_; }

 private:
  void OnFrame();
  void OnControl(const FrameView& frame);
  Code Obey();  ///< request_, into reply_.
  Code OnStart();
  Code OnFinish();
  void RunRepetition();
  void End();

  // Not inlined: on the way to the model the stack holds little but the model's own, because what
  // was used of it is measured.
  [[gnu::noinline]] void OnHello(const FrameView& frame);
  [[gnu::noinline]] void OnChunk(const FrameView& frame);
  [[gnu::noinline]] Code TakeChunk(const VectorChunk& chunk, std::span<const uint8_t> data,
                                   bool run);
  [[gnu::noinline]] void DescribeStart();
  [[gnu::noinline]] RunOutcome RunObserved();
  [[gnu::noinline]] void Report(const RunOutcome& outcome);
  [[gnu::noinline]] void SendOutputs();

  bool warming_up() const { return warmed_up_ < warmup_; }
  bool observing() const { return observe_ && !warming_up(); }

  Transport& transport_;
  Runner runner_;

  // From Start.
  uint64_t nonce_ = 0;
  uint32_t vector_set_crc32c_ = 0;
  uint32_t warmup_ = 0;
  uint32_t repetitions_ = 0;
  bool send_outputs_ = false;
  bool observe_ = false;

  // The staged vector: next_offset_ bytes of it are there.
  uint32_t vector_index_ = 0;
  uint32_t next_offset_ = 0;

  bool running_ = false;
  bool parked_ = false;  ///< transport_.frame() waits for the end of the run.
  uint32_t warmed_up_ = 0;
  uint32_t repetition_ = 0;
  uint16_t sequence_ = 0;  ///< Of frames that answer nothing.

  uint32_t inferences_ = 0;
  uint32_t good_before_ = 0;  ///< The decoder's counts at Start.
  uint32_t bad_before_ = 0;

  // The last control request and its answer, which a repeated request gets again.
  Request request_;
  Reply reply_;
  uint16_t request_sequence_ = 0;
  uint32_t request_crc32c_ = 0;
  uint8_t reply_bytes_[kMaxReply];
  size_t reply_size_ = 0;
};

}  // namespace tinyrig::device
