#pragma once

#include <string>

#include "server/model/bundle.h"
#include "server/service/clock.h"
#include "server/service/dispatcher.h"
#include "server/service/event_hub.h"
#include "server/service/executor.h"
#include "server/service/gate.h"
#include "server/service/plan_cache.h"
#include "server/store/artifact_folder.h"
#include "server/store/reader.h"
#include "server/store/store.h"
#include "server/store/user_query.h"

namespace tinyrig::server {

/// What the API's handlers work with. `store` and `dispatcher` belong to the io thread; everything
/// else may be used on any thread.
struct Backend {
  Executors executors;
  const Clock& clock;
  Store& store;
  Dispatcher& dispatcher;
  ReaderPool& readers;
  ArtifactFolder& artifacts;
  const Catalog& catalog;
  EventHub& hub;
  PlanCache& plans;
  Gate& gate;
  std::string instance_id;
  UserQueryLimits query_limits;
};

}  // namespace tinyrig::server
