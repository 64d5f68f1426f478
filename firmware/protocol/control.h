#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/device/device.nanopb.h"

/// The control messages of proto/device/device.proto as nanopb has them: plain structs of fixed
/// size. Encoding and decoding need no heap and never touch the link.
namespace tinyrig::device {

using Request = tinyrig_device_pb_Request;
using Start = tinyrig_device_pb_Start;
using Started = tinyrig_device_pb_Started;
using Reply = tinyrig_device_pb_Reply;

inline constexpr size_t kMaxReply = tinyrig_device_pb_Reply_size;

/// False when the bytes are no Request, or one without a kind.
bool DecodeRequest(std::span<const uint8_t> bytes, Request* request);

/// Returns the bytes written: at most kMaxReply.
size_t EncodeReply(const Reply& reply, std::span<uint8_t, kMaxReply> out);

}  // namespace tinyrig::device
