#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/device/frame.h"

namespace tinyrig::device {

/// Frames over the port's byte link or the rings in RAM, as the host chose for each direction: one
/// being received, one being sent. About 2.1 kB.
class Transport {
 public:
  /// Takes bytes from the link until a frame is complete. False when the link has no more bytes;
  /// what has come of a frame is kept. Bad frames are counted and skipped.
  bool Poll();

  /// The frame of the last successful Poll(); valid until the next.
  const FrameView& frame() const { return decoder_.frame(); }

  /// Sends one frame whose payload is `head` followed by `body`; blocks until it is on its way.
  /// REQUIRES: head and body together are at most kMaxPayload bytes.
  void Send(FrameType type, uint16_t sequence, std::span<const uint8_t> head,
            std::span<const uint8_t> body = {});

  template <typename T>
  void SendStruct(FrameType type, uint16_t sequence, const T& head,
                  std::span<const uint8_t> body = {}) {
    Send(type, sequence, {reinterpret_cast<const uint8_t*>(&head), sizeof(head)}, body);
  }

  /// Ends whatever a crash left half sent, so that the next frame is found.
  void SendDelimiter();

  const FrameDecoder& decoder() const { return decoder_; }

 private:
  bool PollLink();
  bool PollRing();
  void Write(const uint8_t* bytes, size_t size);

  FrameDecoder decoder_;
  bool from_ring_ = false;  ///< Where the decoder's bytes come from.
  uint8_t out_[kMaxEncoded];
};

}  // namespace tinyrig::device
