#pragma once

#include "firmware/protocol/transport.h"
#include "proto/device/messages.h"

namespace tinyrig::device {

/// Called by a port when the program cannot go on, from thread mode and with a working stack.
/// Sends `fault` with the session's nonce, then answers for ever (program.cc).
/// What the fault interrupted is lost.
[[noreturn]] void OnFault(Fault& fault);

/// After a fault: handles what the link has. A HELLO gets its answer, with the fault counted; any
/// other frame, or a broken one, gets `fault` again, so that a host that missed it learns of it.
/// False when there was nothing to do.
bool StepAfterFault(Transport& transport, const Fault& fault);

}  // namespace tinyrig::device
