#include <spdlog/spdlog.h>

#include "server/service/dispatcher.h"

namespace tinyrig::server {

void Dispatcher::NoteStore(const Status& stored) {
  if (stored.ok() && !store_trouble_.ok()) spdlog::info("results can be stored again");
  if (!stored.ok() && store_trouble_.ok()) {
    spdlog::error("no job begins until results can be stored: {}", stored.message());
  }
  store_trouble_ = stored;
}

// A disk that fills up is seen before a result needs it; what refused a result is tried again.
void Dispatcher::LookAtStore() {
  Status now = store_.CheckRoom();
  if (now.ok() && !store_trouble_.ok() && !agents_.empty()) {
    now = store_.SaveAgent(agents_.begin()->second);
  }
  NoteStore(now);
}

}  // namespace tinyrig::server
