#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proto/status/status.h"
#include "server/cli/client/client.h"
#include "server/cli/service/local_service.h"
#include "server/cli/service/lock.h"

namespace tinyrig::cli {

/// What a command needs of a server that it may have to start itself.
struct SessionNeeds {
  /// Boards of a private service; "none": the stored data are enough.
  std::string boards = "none";
  /// Asked often while waiting; true gives up.
  std::function<bool()> stop = [] { return false; };
  /// Told what is waited for, one line each.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

/// A connection to a server: the named one, or the one that runs in the state folder, or (unless a
/// state folder was named) the machine's. When there is none, a private one is started in the state
/// folder and stopped with the session; before that it waits for other commands that use
/// it too.
class Session {
 public:
  /// `server` may be empty: $TINYRIG_SERVER, then the service of the state folder, which is on this
  /// machine and asks for no token.
  /// Errors: kUnavailable when a named server does not answer; those of LocalService.
  static Result<Session> Open(const ServerChoice& server, const std::string& state_flag,
                              const SessionNeeds& needs);
  ~Session();
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) = delete;

  const Client& client() const { return *client_; }
  bool is_private() const { return service_ != nullptr; }

 private:
  Session() = default;

  std::string state_;
  FileLock
      using_;  ///< Shared by all clients of the state folder's service; its owner waits for them.
  std::unique_ptr<LocalService> service_;
  std::unique_ptr<Client> client_;
};

}  // namespace tinyrig::cli
