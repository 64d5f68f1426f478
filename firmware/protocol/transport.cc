#include "firmware/protocol/transport.h"

#include "firmware/ports/port.h"
#include "firmware/protocol/rings.h"

namespace tinyrig::device {

bool Transport::Poll() {
  const bool ring = RingIsActive(kRingToBoard);
  if (ring != from_ring_) {
    from_ring_ = ring;
    decoder_.Restart();
  }
  return ring ? PollRing() : PollLink();
}

bool Transport::PollLink() {
  uint8_t byte;
  while (port::ReadByte(&byte)) {
    if (decoder_.Push(byte) == FrameDecoder::Event::kFrame) return true;
  }
  return false;
}

bool Transport::PollRing() {
  // Unread bytes on the link are nobody's, and would keep the board from sleeping.
  uint8_t ignored;
  while (port::ReadByte(&ignored)) {
  }
  for (;;) {
    const std::span<const uint8_t> bytes = PeekRing();
    if (bytes.empty()) return false;
    bool complete = false;
    size_t taken = 0;
    while (taken < bytes.size() && !complete) {
      complete = decoder_.Push(bytes[taken++]) == FrameDecoder::Event::kFrame;
    }
    ConsumeRing(taken);
    if (complete) return true;
  }
}

void Transport::Send(FrameType type, uint16_t sequence, std::span<const uint8_t> head,
                     std::span<const uint8_t> body) {
  const size_t size = EncodeFrame(type, 0, sequence, head.data(), head.size(), body.data(),
                                  body.size(), out_, sizeof(out_));
  Write(out_, size);
}

void Transport::SendDelimiter() {
  const uint8_t delimiter = 0;
  Write(&delimiter, 1);
}

void Transport::Write(const uint8_t* bytes, size_t size) {
  if (RingIsActive(kRingFromBoard)) {
    WriteRing(bytes, size);
  } else {
    port::Write(bytes, size);
  }
}

}  // namespace tinyrig::device
