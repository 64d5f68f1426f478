#include "firmware/ports/port.h"

#include "firmware/ports/native/native.h"
#include "port_config.h"

namespace tinyrig::port {

const Info& GetInfo() {
  static constexpr Info kInfo = kConfigInfo;
  return kInfo;
}

void Init() {
  InitLink();
  InitCounter();
}

}  // namespace tinyrig::port
