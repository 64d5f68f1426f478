#include "proto/device/frame.h"

#include "proto/device/crc32c.h"

namespace tinyrig::device {
namespace {

/// COBS, fed piece by piece so that header, payload and CRC need no common buffer.
class CobsWriter {
 public:
  CobsWriter(uint8_t* out, size_t size) : out_(out), size_(size) { OpenGroup(); }

  void Write(const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < size; ++i) {
      if (bytes[i] == 0) {
        CloseGroup();
        OpenGroup();
        continue;
      }
      Put(bytes[i]);
      if (++code_ == 0xFF) {
        CloseGroup();
        OpenGroup();
      }
    }
  }

  /// Total bytes, or 0 when `out` was too small.
  size_t Finish() {
    CloseGroup();
    Put(0);
    return at_ <= size_ ? at_ : 0;
  }

 private:
  void OpenGroup() {
    group_ = at_;
    code_ = 1;
    Put(0);
  }
  void CloseGroup() {
    if (group_ < size_) out_[group_] = code_;
  }
  void Put(uint8_t byte) {
    if (at_ < size_) out_[at_] = byte;
    ++at_;
  }

  uint8_t* out_;
  size_t size_;
  size_t at_ = 0;
  size_t group_ = 0;
  uint8_t code_ = 1;
};

uint32_t ReadLe32(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

}  // namespace

size_t EncodeFrame(FrameType type, uint8_t flags, uint16_t sequence, const void* head,
                   size_t head_size, const void* body, size_t body_size, uint8_t* out,
                   size_t out_size) {
  if (head_size > kMaxPayload || body_size > kMaxPayload - head_size) return 0;
  const uint8_t header[4] = {static_cast<uint8_t>(type), flags, static_cast<uint8_t>(sequence),
                             static_cast<uint8_t>(sequence >> 8)};
  uint32_t crc = Crc32c(header, sizeof(header));
  crc = Crc32c(head, head_size, crc);
  crc = Crc32c(body, body_size, crc);
  const uint8_t trailer[4] = {static_cast<uint8_t>(crc), static_cast<uint8_t>(crc >> 8),
                              static_cast<uint8_t>(crc >> 16), static_cast<uint8_t>(crc >> 24)};
  CobsWriter writer(out, out_size);
  writer.Write(header, sizeof(header));
  writer.Write(head, head_size);
  writer.Write(body, body_size);
  writer.Write(trailer, sizeof(trailer));
  return writer.Finish();
}

FrameDecoder::Event FrameDecoder::Push(uint8_t byte) {
  if (byte == 0) return Finish();
  if (left_ > 0) {
    if (size_ < kMaxDecoded) buffer_[size_] = byte;
    ++size_;
    --left_;
    return Event::kNone;
  }
  // `byte` opens a group; the previous one ends with a zero unless it was full.
  if (started_ && group_ != 0xFF) {
    if (size_ < kMaxDecoded) buffer_[size_] = 0;
    ++size_;
  }
  started_ = true;
  group_ = byte;
  left_ = byte - 1;
  return Event::kNone;
}

void FrameDecoder::Restart() {
  started_ = false;
  left_ = 0;
  group_ = 0xFF;
  size_ = 0;
}

FrameDecoder::Event FrameDecoder::Finish() {
  const bool started = started_;
  const bool cut = left_ > 0;
  const size_t size = size_;
  Restart();
  if (!started) return Event::kNone;
  if (size > kMaxDecoded) return Bad(Event::kTooLong);
  if (cut) return Bad(Event::kBadCobs);
  if (size < kFrameOverhead) return Bad(Event::kTooShort);
  if (Crc32c(buffer_, size - 4) != ReadLe32(buffer_ + size - 4)) return Bad(Event::kBadCrc);
  frame_.type = static_cast<FrameType>(buffer_[0]);
  frame_.flags = buffer_[1];
  frame_.sequence = static_cast<uint16_t>(buffer_[2] | buffer_[3] << 8);
  frame_.payload = buffer_ + 4;
  frame_.size = size - kFrameOverhead;
  ++good_;
  return Event::kFrame;
}

FrameDecoder::Event FrameDecoder::Bad(Event why) {
  ++bad_;
  return why;
}

}  // namespace tinyrig::device
