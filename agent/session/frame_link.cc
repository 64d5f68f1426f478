#include "agent/session/frame_link.h"

#include <fmt/format.h>

namespace tinyrig::agent {

Status FrameLink::Queue(device::FrameType type, uint8_t flags, uint16_t sequence,
                        std::span<const uint8_t> payload) {
  const size_t before = queued_.size();
  queued_.resize(before + 1 + device::kMaxEncoded);
  queued_[before] = 0;
  const size_t size =
      device::EncodeFrame(type, flags, sequence, payload.data(), payload.size(), nullptr, 0,
                          queued_.data() + before + 1, device::kMaxEncoded);
  queued_.resize(size == 0 ? before : before + 1 + size);
  if (size > 0) return OkStatus();
  return {Code::kInternal, fmt::format("a payload of {} bytes fits no frame", payload.size())};
}

Awaitable<Status> FrameLink::Flush(Deadline deadline) {
  std::vector<uint8_t> wire = std::move(queued_);
  queued_.clear();
  co_return co_await link_.Write(std::move(wire), deadline);
}

Awaitable<Status> FrameLink::Send(device::FrameType type, uint8_t flags, uint16_t sequence,
                                  std::vector<uint8_t> payload, Deadline deadline) {
  CO_TRY(Queue(type, flags, sequence, payload));
  co_return co_await Flush(deadline);
}

Awaitable<Result<Frame>> FrameLink::Next(Deadline deadline) {
  while (true) {
    while (used_ < received_.size()) {
      if (decoder_.Push(received_[used_++]) != device::FrameDecoder::Event::kFrame) continue;
      const device::FrameView& view = decoder_.frame();
      Frame frame{view.type, view.flags, view.sequence, {}};
      frame.payload.assign(view.payload, view.payload + view.size);
      co_return frame;
    }
    CO_TRY_ASSIGN(received_, co_await link_.Read(deadline));
    used_ = 0;
  }
}

}  // namespace tinyrig::agent
