#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "agent/instruments/link.h"
#include "proto/device/frame.h"

namespace tinyrig::agent {

/// A frame with its own bytes.
struct Frame {
  device::FrameType type{};
  uint8_t flags = 0;
  uint16_t sequence = 0;
  std::vector<uint8_t> payload;
};

/// Frames of the device protocol over a Link. Damaged frames are counted and dropped here.
class FrameLink {
 public:
  /// `link` must outlive this.
  explicit FrameLink(Link& link) : link_(link) {}

  /// Payload = head, then body. Sends the delimiter first, so that noise before it costs no frame.
  Awaitable<Status> Send(device::FrameType type, uint8_t flags, uint16_t sequence,
                         std::vector<uint8_t> payload, Deadline deadline);

  /// Puts a frame behind those that the next Flush() sends at once: some links take one large piece
  /// far faster than many small ones.
  Status Queue(device::FrameType type, uint8_t flags, uint16_t sequence,
               std::span<const uint8_t> payload);
  Awaitable<Status> Flush(Deadline deadline);

  /// The next good frame. Errors: as Link::Read().
  Awaitable<Result<Frame>> Next(Deadline deadline);

  uint32_t bad_frames() const { return decoder_.bad_frames(); }
  Link::Stats stats() const { return link_.stats(); }
  uint32_t window() const { return link_.window(); }

 private:
  Link& link_;
  std::vector<uint8_t> queued_;
  device::FrameDecoder decoder_;
  std::vector<uint8_t> received_;
  size_t used_ = 0;
};

/// Bytes of a fixed struct, to be sent.
template <typename T>
std::vector<uint8_t> StructBytes(const T& value, std::span<const uint8_t> body = {}) {
  std::vector<uint8_t> payload(sizeof(T) + body.size());
  std::memcpy(payload.data(), &value, sizeof(T));
  std::ranges::copy(body, payload.begin() + sizeof(T));
  return payload;
}

}  // namespace tinyrig::agent
