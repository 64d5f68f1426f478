#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/drivers/openocd/output.h"
#include "agent/drivers/openocd/tool.h"
#include "agent/process/conversation.h"

namespace tinyrig::agent::openocd {

/// An OpenOCD that stays, spoken to through its Tcl service on pipes. Started at the first call.
/// Before each script the contact to the board is proved, and made again after a power cycle; a
/// process that has lost it for good (adapter unplugged, OpenOCD died) is ended and a new one takes
/// over, which also finds out why when there is a reason. A script that fails, is cancelled or
/// overruns its deadline ends the process, so no call ever meets the state that a failure left.
class LongLived : public Tool, public LiveMemory {
 public:
  /// `environment` is all that the child gets.
  LongLived(Adapter adapter, std::map<std::string, std::string> environment)
      : adapter_(std::move(adapter)), environment_(std::move(environment)) {}

  Awaitable<Result<std::string>> Run(Script script, Deadline deadline) override;
  void Release() override { openocd_.reset(); }

  /// In the process that the last script left, without another proof of contact.
  Awaitable<Result<std::vector<uint32_t>>> Access(std::vector<MemoryAccess> steps,
                                                  Deadline deadline) override;

  /// Processes started so far.
  uint32_t starts() const { return starts_; }

 private:
  struct Reply {
    bool ok = false;
    std::string text;  ///< Result, or Tcl's error message.
  };
  Awaitable<Status> Start();
  /// Proves contact; starts OpenOCD when there is none that has it.
  Awaitable<Status> Connect(Deadline deadline);
  /// Evaluates a command. Without a reply the process is gone; `run` says how.
  Awaitable<Result<Reply>> Ask(std::string command, Deadline deadline, ChildResult& run);
  Awaitable<Result<Reply>> Talk(std::string command);
  /// Of a process that has closed its pipes: the signal that ended it, or 0.
  Awaitable<int> SignalOfTheEnd();

  Adapter adapter_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Conversation> openocd_;
  uint64_t requests_ = 0;
  uint32_t starts_ = 0;
};

}  // namespace tinyrig::agent::openocd
