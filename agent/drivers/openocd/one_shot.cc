#include "agent/drivers/openocd/one_shot.h"

#include "agent/drivers/openocd/output.h"
#include "agent/process/child.h"

namespace tinyrig::agent::openocd {

Awaitable<Result<std::string>> OneShot::Run(Script script, Deadline deadline) {
  ChildSpec spec;
  CO_TRY_ASSIGN(spec.argv, StartCommand(adapter_, Service::kNone));
  script.push_back("shutdown");
  for (std::string& command : script) {
    spec.argv.push_back("-c");
    spec.argv.push_back(std::move(command));
  }
  spec.environment = environment_;
  CO_TRY_ASSIGN(ChildResult run, co_await RunChild(std::move(spec), deadline));
  CO_TRY(Classify(run));
  co_return std::move(run.output);
}

}  // namespace tinyrig::agent::openocd
