#include "firmware/protocol/fault.h"

#include "firmware/protocol/hello.h"

namespace tinyrig::device {

bool StepAfterFault(Transport& transport, const Fault& fault) {
  const uint32_t bad_before = transport.decoder().bad_frames();
  const bool complete = transport.Poll();
  HelloRequest request;
  const FrameView& frame = transport.frame();
  if (complete && frame.type == FrameType::kHelloRequest &&
      ReadStruct(frame.payload, frame.size, &request)) {
    transport.SendStruct(FrameType::kHello, frame.sequence, MakeHello(request.token));
    return true;
  }
  if (complete || transport.decoder().bad_frames() != bad_before) {
    transport.SendStruct(FrameType::kFault, 0, fault);
    return true;
  }
  return false;
}

}  // namespace tinyrig::device
