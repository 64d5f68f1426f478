#include "agent/instruments/probe.h"

namespace tinyrig::agent {

Awaitable<Result<FlashTarget>> Probe::PrepareFlash(Deadline deadline) {
  FlashTarget target;
  CO_TRY_ASSIGN(target.identity, co_await Identify(deadline));
  co_return target;
}

std::string UidHex(const McuUid& uid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : uid) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace tinyrig::agent
