#include "firmware/protocol/control.h"

#include <pb_decode.h>
#include <pb_encode.h>

namespace tinyrig::device {

bool DecodeRequest(std::span<const uint8_t> bytes, Request* request) {
  *request = tinyrig_device_pb_Request_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(bytes.data(), bytes.size());
  return pb_decode(&stream, tinyrig_device_pb_Request_fields, request) && request->which_kind != 0;
}

size_t EncodeReply(const Reply& reply, std::span<uint8_t, kMaxReply> out) {
  pb_ostream_t stream = pb_ostream_from_buffer(out.data(), out.size());
  return pb_encode(&stream, tinyrig_device_pb_Reply_fields, &reply) ? stream.bytes_written : 0;
}

}  // namespace tinyrig::device
