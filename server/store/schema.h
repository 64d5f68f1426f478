#pragma once

#include <cstdint>

#include "proto/status/status.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {

/// Version of the schema this program writes: PRAGMA user_version.
uint32_t SchemaVersion();

/// Brings the database to SchemaVersion(), one transaction a step: after a crash in between it is
/// at one of the versions, never between two. Errors: kFailedPrecondition when the file is of a
/// later version than this program.
Status Migrate(Database& db);

}  // namespace tinyrig::server
