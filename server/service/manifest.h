#pragma once

#include <string>

#include "proto/status/status.h"
#include "server/model/ids.h"
#include "server/store/artifact_folder.h"
#include "server/store/reader.h"

namespace tinyrig::server {

/// Everything needed to repeat a job and to trust it, as JSON: model, variant, vectors, labels (git
/// state), execution, plan, image with its segments, toolchain and flags, configuration of the
/// board (clock, caches, wait states), and of the last attempt with a result board, identity,
/// nonce, CRCs and tools. Parts that do not exist yet (a job that waits) are left out. Blocks: for
/// the pool. kNotFound.
Result<std::string> MakeManifest(Reader& reader, const ArtifactFolder& artifacts, JobId job);

}  // namespace tinyrig::server
