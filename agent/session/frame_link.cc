#include "agent/session/frame_link.h"

#include <fmt/format.h>

namespace tinyrig::agent {

Awaitable<Status> FrameLink::Send(device::FrameType type, uint8_t flags, uint16_t sequence,
                                  std::vector<uint8_t> payload, Deadline deadline) {
  std::vector<uint8_t> wire(1 + device::kMaxEncoded);
  wire[0] = 0;
  const size_t size = device::EncodeFrame(type, flags, sequence, payload.data(), payload.size(),
                                          nullptr, 0, wire.data() + 1, wire.size() - 1);
  if (size == 0) {
    co_return Status(Code::kInternal,
                     fmt::format("a payload of {} bytes fits no frame", payload.size()));
  }
  wire.resize(1 + size);
  co_return co_await link_.Write(std::move(wire), deadline);
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
