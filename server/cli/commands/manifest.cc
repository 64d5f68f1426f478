#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/service/session.h"

namespace tinyrig::cli {

Runner DefineManifest(CLI::App& app) {
  auto job = std::make_shared<uint64_t>(0);
  app.add_option("JOB", *job, "Number of the job")->required()->check(CLI::PositiveNumber);
  return [job](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    v1::GetManifestRequest request;
    request.set_job_id(*job);
    TRY_ASSIGN(const v1::Manifest manifest,
               session.client().Call(&v1::JobService::Stub::GetManifest, request,
                                     fmt::format("manifest of job {}", *job)));
    // JSON with and without --json: a manifest has no other form.
    fmt::print("{}{}", manifest.json(), manifest.json().ends_with('\n') ? "" : "\n");
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
