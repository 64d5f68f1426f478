#include "firmware/protocol/program.h"

#include <cstddef>
#include <new>

#include "firmware/ports/port.h"
#include "firmware/protocol/fault.h"
#include "firmware/protocol/rings.h"
#include "firmware/protocol/session.h"

namespace tinyrig::device {
namespace {

struct Program {
  Transport transport;
  Session session{transport};
};

// Constructed when it runs, not before: its buffers stay out of the image's initial data.
alignas(Program) constinit std::byte storage[sizeof(Program)]{};
constinit Program* program = nullptr;

}  // namespace

void RunProgram() {
  InitRings();
  program = new (storage) Program;
  for (;;) {
    if (!program->session.Step()) port::WaitForByte();
  }
}

void OnFault(Fault& fault) {
  port::CountFault();
  if (program == nullptr) program = new (storage) Program;
  fault.nonce = program->session.nonce();
  // Whatever was being received or sent is of no use any more.
  Transport& transport = *new (&program->transport) Transport;
  transport.SendDelimiter();
  transport.SendStruct(FrameType::kFault, 0, fault);
  for (;;) {
    if (!StepAfterFault(transport, fault)) port::WaitForByte();
  }
}

}  // namespace tinyrig::device
