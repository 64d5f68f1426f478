#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/status/code.h"

/// The device protocol's frame codec, one implementation for both ends. Freestanding, no heap.
///
/// On the wire a frame is   COBS( type u8 | flags u8 | sequence u16 | payload | crc32c u32 )  00
/// with everything little-endian and the CRC over all bytes before it. The zero byte occurs nowhere
/// else, so a receiver finds the next frame after any loss. proto/device/README.md has an example.
namespace tinyrig::device {

inline constexpr size_t kMaxPayload = 1024;
inline constexpr size_t kFrameOverhead = 8;                          ///< Header and CRC.
inline constexpr size_t kMaxDecoded = kMaxPayload + kFrameOverhead;  ///< Before COBS.
/// COBS adds one byte for every started 254, and the delimiter.
inline constexpr size_t kMaxEncoded = kMaxDecoded + (kMaxDecoded + 253) / 254 + 1;

enum class FrameType : uint8_t {
  // host to device
  kHelloRequest = 0x01,  ///< HelloRequest. Answered by kHello in every state; ends a session.
  kControl = 0x02,       ///< nanopb tinyrig.device.Request.
  kVectorChunk = 0x03,   ///< VectorChunk, then raw input bytes.
  // device to host
  kHello = 0x81,         ///< Hello.
  kControlReply = 0x82,  ///< nanopb tinyrig.device.Reply.
  kChunkAck = 0x83,      ///< ChunkAck.
  kResult = 0x84,        ///< InferenceResult.
  kOutput = 0x85,        ///< OutputChunk, then raw output bytes.
  kLayer = 0x86,         ///< LayerRecord, only in observed runs.
  kFault = 0x8F,         ///< Fault. Sent by a crashing board.
};

/// kVectorChunk: all bytes of the vector are there after this chunk; run it.
inline constexpr uint8_t kFlagRun = 0x01;

struct FrameView {
  FrameType type{};
  uint8_t flags = 0;
  uint16_t sequence = 0;
  const uint8_t* payload = nullptr;  ///< Points into the decoder's buffer.
  size_t size = 0;
};

/// Writes a frame whose payload is `head` followed by `body`; either may be empty.
/// `out` must hold kMaxEncoded bytes for the largest payload.
/// Returns the bytes written, delimiter included, or 0 when the payload is over kMaxPayload or does
/// not fit `out_size`.
size_t EncodeFrame(FrameType type, uint8_t flags, uint16_t sequence, const void* head,
                   size_t head_size, const void* body, size_t body_size, uint8_t* out,
                   size_t out_size);

/// Takes a byte stream apart. The caller owns the object; it holds one frame and never allocates.
/// Not thread safe.
class FrameDecoder {
 public:
  enum class Event : uint8_t {
    kNone,      ///< Nothing complete yet.
    kFrame,     ///< frame() is valid until the next Push().
    kTooLong,   ///< A frame over kMaxDecoded was skipped.
    kTooShort,  ///< Fewer bytes than a header and a CRC (line noise at boot looks like this).
    kBadCobs,   ///< A run length pointed past the delimiter.
    kBadCrc,
  };

  /// Feeds one byte. Empty frames (two delimiters in a row) are silently skipped: senders may start
  /// with a delimiter to flush whatever came before.
  Event Push(uint8_t byte);

  /// Forgets what has come of a frame: the next byte is of another stream. Counts nothing.
  void Restart();

  const FrameView& frame() const { return frame_; }

  /// Counts since construction.
  uint32_t good_frames() const { return good_; }
  uint32_t bad_frames() const { return bad_; }

 private:
  Event Finish();
  Event Bad(Event why);

  uint8_t buffer_[kMaxDecoded];
  size_t size_ = 0;       ///< Decoded bytes so far; counted on past the end, never written there.
  uint8_t left_ = 0;      ///< Data bytes left in the current COBS group.
  uint8_t group_ = 0xFF;  ///< Code of the current group; 0xFF has no implied zero.
  bool started_ = false;
  FrameView frame_;
  uint32_t good_ = 0;
  uint32_t bad_ = 0;
};

}  // namespace tinyrig::device
