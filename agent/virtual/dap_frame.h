#pragma once

#include <cstddef>
#include <cstdint>

/// Frames on dap.sock, shared by the board and the preloaded hidapi stand-in. Freestanding.
///
/// Every frame: 8 header bytes, then `length` payload bytes; integers little endian.
///   u32 signature 0x00504144 ("DAP\0") · u16 length · u8 type · u8 zero
/// Requests and responses carry one CMSIS-DAP packet, as in OpenOCD's own CMSIS-DAP over TCP. The
/// other types stand for what USB does before the first packet: to be enumerated and opened.
namespace tinyrig::agent::vboard {

inline constexpr uint32_t kDapSignature = 0x00504144;
inline constexpr size_t kDapHeaderBytes = 8;
/// Longest payload of any frame.
inline constexpr size_t kDapMaxPayload = 1024;

enum DapFrameType : uint8_t {
  kDapRequest = 1,
  kDapResponse = 2,
  kDapDescribe = 0x10,     ///< Empty.
  kDapDescription = 0x11,  ///< u8 1 = plugged in, then the serial number.
  kDapOpen = 0x12,         ///< Empty.
  kDapOpened = 0x13,       ///< u8 DapOpenResult.
};

enum DapOpenResult : uint8_t { kDapOpenOk = 0, kDapOpenBusy = 1, kDapOpenAbsent = 2 };

inline void PutDapHeader(uint8_t* header, size_t length, uint8_t type) {
  for (int i = 0; i < 4; ++i) header[i] = static_cast<uint8_t>(kDapSignature >> (8 * i));
  header[4] = static_cast<uint8_t>(length);
  header[5] = static_cast<uint8_t>(length >> 8);
  header[6] = type;
  header[7] = 0;
}

/// False when this is no header, or its payload would be longer than allowed.
inline bool GetDapHeader(const uint8_t* header, size_t& length, uint8_t& type) {
  for (int i = 0; i < 4; ++i) {
    if (header[i] != static_cast<uint8_t>(kDapSignature >> (8 * i))) return false;
  }
  length = header[4] | static_cast<size_t>(header[5]) << 8;
  type = header[6];
  return length <= kDapMaxPayload;
}

}  // namespace tinyrig::agent::vboard
