#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/local_service.h"

namespace tinyrig::cli {
namespace {

struct UpOptions {
  std::string boards = "m4,m4";
  std::vector<std::string> listen;
};

/// A port that the system chooses would be known to nobody.
Status CheckPorts(const UpOptions& options) {
  for (const std::string& address : options.listen) {
    if (!address.ends_with(":0")) continue;
    return {Code::kInvalidArgument,
            fmt::format("'{}': say which port, as in 127.0.0.1:7410", address)};
  }
  return OkStatus();
}

void PrintReady(const LocalService& service, const UpOptions& options, const Common& common) {
  std::vector<std::string> ids;
  for (const VirtualBoard& board : service.boards()) ids.push_back(board.id);
  if (common.json) {
    fmt::print("{}", Dump({{"ready", true},
                           {"server", service.address()},
                           {"listen", options.listen},
                           {"state", service.state()},
                           {"boards", ids}}));
  } else {
    const std::string same = SameService(common);
    const std::string boards =
        ids.empty() ? "without boards" : fmt::format("with {}", fmt::join(ids, ", "));
    fmt::print("tinyrig is up {}; state and logs in {}\n\n", boards, service.state());
    fmt::print("  measure   tinyrig run firmware/zoo/demo.yaml --wait{}\n", same);
    fmt::print("  look      tinyrig boards{}\n", same);
    fmt::print("  address   export TINYRIG_SERVER={}\n", service.address());
    for (const std::string& address : options.listen) {
      fmt::print("  also      {}, with a token: tinyrig token create{}\n", address, same);
    }
    fmt::print("  stop      Ctrl-C\n");
  }
  std::fflush(stdout);
}

Result<int> Up(const UpOptions& options, const Common& common) {
  TRY(CheckPorts(options));
  Interrupts interrupts;
  TRY_ASSIGN(const std::string state, StateFolder(common.state));
  TRY_ASSIGN(const std::unique_ptr<LocalService> service,
             LocalService::Start({state, options.boards, options.listen, /*is_private=*/false}));
  if (!common.json) fmt::print(stderr, "starting\n");
  TRY(service->WaitReady([&] { return interrupts.Take(); }));
  PrintReady(*service, options, common);
  while (!interrupts.WaitFor(std::chrono::hours(1))) continue;
  if (!common.json) fmt::print(stderr, "\nstopping\n");
  return kExitOk;
}

}  // namespace

Runner DefineUp(CLI::App& app) {
  auto options = std::make_shared<UpOptions>();
  app.add_option("--virtual", options->boards,
                 "Virtual boards of m4, f4, m7, native, e.g. m4,f4; 'none' for the server alone "
                 "(default: m4,m4)")
      ->type_name("KIND[,KIND]");
  app.add_option(
         "--listen", options->listen,
         "Further address to listen on, e.g. 127.0.0.1:7410, which asks for a token; may be "
         "repeated")
      ->type_name("ADDR")
      ->allow_extra_args(false);
  return [options](const Common& common) { return Up(*options, common); };
}

}  // namespace tinyrig::cli
