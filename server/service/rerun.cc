#include "server/service/rerun.h"

#include <fmt/format.h>

namespace tinyrig::server {

Status CheckRerun(Reader& reader, const ArtifactFolder& artifacts, JobId job) {
  TRY_ASSIGN(const JobContext context, reader.GetJobContext(job));
  if (!context.plan.feasible) return {};  // The store says what is to be said of those.
  const auto check = [&](std::string_view what, const std::string& sha256) -> Status {
    const Status found = artifacts.Size(sha256).status();
    if (found.code() != Code::kNotFound) return found;
    return {Code::kFailedPrecondition,
            fmt::format("job {} cannot be run again as it was: its {} (SHA-256 {}) is not stored "
                        "any more; restore that artifact from a backup, or submit the campaign "
                        "again",
                        job.value, what, sha256)};
  };
  for (const v1::Segment& segment : context.plan.image.segments()) {
    TRY(check(segment.role(), segment.artifact().sha256()));
  }
  if (context.spec.vectors().has_npz()) {
    const v1::ArtifactRef& npz = context.spec.vectors().npz();
    TRY(check(fmt::format("vectors '{}'", npz.name()), npz.sha256()));
  }
  return check("reference outputs", context.expected.artifact_sha256);
}

}  // namespace tinyrig::server
