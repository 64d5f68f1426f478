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

constexpr std::chrono::hours kBackupTimeout{2};

}  // namespace

Runner DefineBackup(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, "Of the file, without folders (default: the time)");
  return [name](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    v1::BackupRequest request;
    request.set_name(*name);
    TRY_ASSIGN(
        const v1::BackupResponse made,
        session.client().Call(&v1::ServerService::Stub::Backup, request, "backup", kBackupTimeout));
    if (common.json) {
      fmt::print("{}", Dump({{"path", made.path()},
                             {"size_bytes", made.size_bytes()},
                             {"sha256", made.sha256()},
                             {"artifacts", made.artifacts()}}));
      return kExitOk;
    }
    fmt::print("{}: {}, SHA-256 {}\n", Printable(made.path()),
               FormatBytesShort(static_cast<double>(made.size_bytes())), made.sha256());
    fmt::print("It refers to {} files of the folder artifacts beside it; copy that folder now.\n",
               made.artifacts());
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
