#include "server/scheduling/windows.h"

namespace tinyrig::server {

TimeUs TimeUntil(const Window& window, TimeUs now) {
  if (now < window.start_us) return window.start_us - now;
  const TimeUs since = now - window.start_us;
  if (window.every_us <= 0) return since < window.duration_us ? 0 : kNoWindow;
  const TimeUs into = since % window.every_us;
  return into < window.duration_us ? 0 : window.every_us - into;
}

}  // namespace tinyrig::server
