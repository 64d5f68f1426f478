#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/server.pb.h"
#include "server/service/executor.h"
#include "server/store/artifact_folder.h"
#include "server/store/store.h"

/// The care of what the server keeps. Nothing of it stops the work: reading has connections of its
/// own, and changes come in small pieces between the other work of the io thread.
namespace tinyrig::server {

/// Database and artifacts: what is damaged, missing or, with `deep`, changed. For the pool.
Result<v1::CheckStoreResponse> CheckStore(const std::filesystem::path& database,
                                          const ArtifactFolder& artifacts, bool deep);

/// A copy in the folder `backups` beside the database. For the pool. Errors: kInvalidArgument for a
/// name that is more than a name, kAlreadyExists.
Result<v1::BackupResponse> MakeBackup(const std::filesystem::path& database,
                                      const std::string& name,
                                      const std::function<bool()>& stopped);

/// Forgets what is old: looks on the pool, changes on the io thread a few jobs at a time, then
/// removes the files that nothing refers to any more. `done` is called on the io thread.
struct PruneParts {
  Executors executors;
  Store& store;
  ArtifactFolder& artifacts;
  std::filesystem::path database;
  std::function<bool()> cancelled;  ///< Asked between pieces: what is forgotten stays forgotten.
};
void Prune(const PruneParts& parts, const v1::PruneRequest& request,
           std::function<void(Result<v1::PruneResponse>)> done);

}  // namespace tinyrig::server
