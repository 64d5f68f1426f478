#include "server/store/schema.h"

#include <fmt/format.h>

#include "server/store/migrations.h"

namespace tinyrig::server {

uint32_t SchemaVersion() { return static_cast<uint32_t>(Migrations().size()); }

Status Migrate(Database& db) {
  uint32_t version = 0;
  {
    TRY_ASSIGN(Statement query, db.Query("PRAGMA user_version"));
    TRY(query.Step());
    version = query.Uint32(0);
  }
  if (version > SchemaVersion()) {
    return {Code::kFailedPrecondition,
            fmt::format("the database has schema version {}, this program knows up to {}; install "
                        "the newer program",
                        version, SchemaVersion())};
  }
  for (; version < SchemaVersion(); ++version) {
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(db));
    TRY(db.Execute(Migrations()[version]).WithContext(fmt::format("migration {}", version + 1)));
    TRY(db.Execute(fmt::format("PRAGMA user_version={}", version + 1)));
    TRY(transaction.Commit());
  }
  return {};
}

}  // namespace tinyrig::server
