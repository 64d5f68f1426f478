#pragma once

#include <cstdint>

namespace tinyrig::port {

/// A call that had not returned.
struct Call {
  uint32_t function = 0;        ///< Where it went; 0 when the instruction does not say (BLX).
  uint32_t return_address = 0;  ///< As LR had it, with the Thumb bit; 0: none was found.
};

/// The innermost call whose return address lies on the stack at or above `sp`: the first word that
/// is a code address right behind a call. For overflows, where the core cannot save its registers.
/// A guess: a local variable that was never written may hold an older call's.
Call FindCall(uint32_t sp);

}  // namespace tinyrig::port
