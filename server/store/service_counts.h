#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proto/status/status.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {

/// Sums for dashboards; read from indexes and campaign counters, not from jobs.
struct ServiceCounts {
  std::map<std::string, uint64_t> jobs_by_state;
  std::map<std::string, uint64_t> queued_by_type;
  std::map<std::string, uint64_t> queued_by_priority;
  std::map<std::string, uint64_t> failed_by_owner;
};
Result<ServiceCounts> CountService(Database& db);

}  // namespace tinyrig::server
