#include "tests/unit/firmware/session_host.h"

#include <pb_decode.h>
#include <pb_encode.h>

namespace tinyrig::device {

std::vector<uint8_t> SessionHost::ControlFrame(uint16_t sequence, const Request& request) {
  uint8_t bytes[tinyrig_device_pb_Request_size];
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof(bytes));
  EXPECT_TRUE(pb_encode(&stream, tinyrig_device_pb_Request_fields, &request));
  return Encode(FrameType::kControl, sequence, bytes, stream.bytes_written);
}

Reply SessionHost::Control(const Request& request, uint16_t sequence) {
  const std::vector<Frame> frames = Exchange(ControlFrame(sequence, request));
  Reply reply = tinyrig_device_pb_Reply_init_zero;
  if (frames.size() != 1 || frames[0].type != FrameType::kControlReply) {
    ADD_FAILURE() << "expected one control reply, got " << frames.size() << " frames";
    return reply;
  }
  EXPECT_EQ(frames[0].sequence, sequence);
  pb_istream_t stream = pb_istream_from_buffer(frames[0].payload.data(), frames[0].payload.size());
  EXPECT_TRUE(pb_decode(&stream, tinyrig_device_pb_Reply_fields, &reply));
  return reply;
}

}  // namespace tinyrig::device
