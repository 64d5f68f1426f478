#include "firmware/protocol/transport.h"

#include "firmware/ports/port.h"

namespace tinyrig::device {

bool Transport::Poll() {
  uint8_t byte;
  while (port::ReadByte(&byte)) {
    if (decoder_.Push(byte) == FrameDecoder::Event::kFrame) return true;
  }
  return false;
}

void Transport::Send(FrameType type, uint16_t sequence, std::span<const uint8_t> head,
                     std::span<const uint8_t> body) {
  const size_t size = EncodeFrame(type, 0, sequence, head.data(), head.size(), body.data(),
                                  body.size(), out_, sizeof(out_));
  port::Write(out_, size);
}

void Transport::SendDelimiter() {
  const uint8_t delimiter = 0;
  port::Write(&delimiter, 1);
}

}  // namespace tinyrig::device
