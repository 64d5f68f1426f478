#pragma once

#include <map>
#include <string>

#include "agent/drivers/openocd/tool.h"

namespace tinyrig::agent::openocd {

/// One OpenOCD process a script; nothing is held in between.
class OneShot : public Tool {
 public:
  /// `environment` is all that the child gets.
  OneShot(Adapter adapter, std::map<std::string, std::string> environment)
      : adapter_(std::move(adapter)), environment_(std::move(environment)) {}

  Awaitable<Result<std::string>> Run(Script script, Deadline deadline) override;

 private:
  Adapter adapter_;
  std::map<std::string, std::string> environment_;
};

}  // namespace tinyrig::agent::openocd
