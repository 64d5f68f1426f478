#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

/// Reading a large store takes a while.
constexpr std::chrono::hours kCheckTimeout{2};

}  // namespace

Runner DefineCheck(CLI::App& app) {
  auto deep = std::make_shared<bool>(false);
  app.add_flag("--deep", *deep, "Read every file that is kept and compare its SHA-256");
  return [deep](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    v1::CheckStoreRequest request;
    request.set_deep(*deep);
    TRY_ASSIGN(const v1::CheckStoreResponse checked,
               session.client().Call(&v1::ServerService::Stub::CheckStore, request,
                                     "checking the store", kCheckTimeout));
    const int exit_code = checked.problems().empty() ? kExitOk : kExitBench;
    if (common.json) {
      Json json = {{"problems",
                    std::vector<std::string>(checked.problems().begin(), checked.problems().end())},
                   {"artifacts", checked.artifacts()},
                   {"artifact_bytes", checked.artifact_bytes()},
                   {"database_bytes", checked.database_bytes()}};
      fmt::print("{}", Dump(json));
      return exit_code;
    }
    for (const std::string& problem : checked.problems()) {
      fmt::print("problem: {}\n", Printable(problem));
    }
    fmt::print("{}: database of {}, {} files of {}\n",
               checked.problems().empty() ? "all is well" : "the store is damaged",
               FormatBytesShort(static_cast<double>(checked.database_bytes())), checked.artifacts(),
               FormatBytesShort(static_cast<double>(checked.artifact_bytes())));
    return exit_code;
  };
}

}  // namespace tinyrig::cli
