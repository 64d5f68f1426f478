#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "proto/device/frame.h"

// Any byte stream: the decoder neither crashes nor gives out a frame that does not encode back to
// an equal one. Without the CRC's help: the input also serves as a payload.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tinyrig::device;
  FrameDecoder decoder;
  uint8_t wire[kMaxEncoded];
  for (size_t i = 0; i < size; ++i) {
    if (decoder.Push(data[i]) != FrameDecoder::Event::kFrame) continue;
    const FrameView frame = decoder.frame();
    if (frame.size > kMaxPayload) abort();
  }
  if (size > kMaxPayload) return 0;
  const size_t encoded = EncodeFrame(FrameType::kOutput, 1, 2, data, size / 2, data + size / 2,
                                     size - size / 2, wire, sizeof(wire));
  if (encoded == 0) abort();
  FrameDecoder second;
  for (size_t i = 0; i + 1 < encoded; ++i) {
    if (second.Push(wire[i]) != FrameDecoder::Event::kNone) abort();
  }
  if (second.Push(wire[encoded - 1]) != FrameDecoder::Event::kFrame) abort();
  if (second.frame().size != size) abort();
  if (size > 0 && std::memcmp(second.frame().payload, data, size) != 0) abort();
  return 0;
}
