#pragma once

#include <filesystem>

#include "proto/status/status.h"
#include "server/model/bundle.h"
#include "server/store/artifact_folder.h"

namespace tinyrig::server {

/// Reads every NAME.json with its NAME.bin and, when there, the symbols of its NAME.elf; checks
/// size and CRC-32C and stores the .bin as an artifact, so that a job can be repeated after the
/// firmware was built again. A folder that does not exist gives an empty catalog: the server can
/// still answer questions. Errors name the file.
Result<Catalog> LoadFirmware(const std::filesystem::path& dir, ArtifactFolder& artifacts);

}  // namespace tinyrig::server
