#pragma once

#include "server/store/artifact_folder.h"
#include "server/store/reader.h"

namespace tinyrig::server {

/// OK when all that the job's board was given is still stored: image, vectors, reference outputs.
/// Then a rerun measures the same, whatever firmware this server has today. Errors: kNotFound,
/// kFailedPrecondition with the first artifact that is missing.
Status CheckRerun(Reader& reader, const ArtifactFolder& artifacts, JobId job);

}  // namespace tinyrig::server
