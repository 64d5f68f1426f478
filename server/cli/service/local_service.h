#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/client/client.h"
#include "server/cli/service/bench_file.h"
#include "server/cli/service/lock.h"
#include "server/cli/service/paths.h"
#include "server/cli/service/supervisor.h"

namespace tinyrig::cli {

struct LocalServiceOptions {
  std::string state;  ///< Absolute; created when missing.
  std::string boards =
      "m4,m4";  ///< See PlanBoards(); "none" starts the server alone, without an agent.
  std::vector<std::string> listen;  ///< Addresses of the server besides its own socket.
  bool is_private = false;          ///< Lives as long as one command; others may use it meanwhile.
};

/// A server, and with boards also an agent and virtual boards, as children of this process. One per
/// state folder. They end with this object, and also when this process is killed.
class LocalService {
 public:
  /// Starts server and boards; WaitReady() has to follow, which also starts the agent.
  /// Errors: kAlreadyExists when another process runs a service in this folder; missing programs;
  /// folders.
  static Result<std::unique_ptr<LocalService>> Start(const LocalServiceOptions& options);
  ~LocalService();
  LocalService(const LocalService&) = delete;
  LocalService& operator=(const LocalService&) = delete;

  /// Returns when the server answers and every board can take jobs, at the latest after 60 s.
  /// `stop` is asked often; true ends the wait (kCancelled).
  /// Errors: what does not come up, how it ended and the last lines of its log.
  Status WaitReady(const std::function<bool()>& stop);

  const std::string& address() const { return address_; }
  const std::string& state() const { return state_; }
  const std::vector<VirtualBoard>& boards() const { return boards_; }
  std::string LogFolder() const { return state_ + "/logs"; }

 private:
  LocalService() = default;
  Status StartBoards();
  Status StartServer(const LocalServiceOptions& options);
  Status PrepareAgent();
  void Supervise(const std::string& name, std::vector<std::string> argv);
  std::string LogPath(const std::string& name) const;
  /// An error that says why `name` does not come up.
  Status NotComing(const std::string& name, const std::string& waited_for) const;
  /// These give what is missing, as an error; OK when it is there. The agent starts when server and
  /// boards are, as it would otherwise report absent probes and look again much later.
  Status ProbeServer(const Client& client) const;
  Status ProbeInstruments() const;
  Status ProbeBoards(const Client& client) const;
  Status Advance(const Client& client);

  std::string state_;
  std::string address_;
  SocketFolder sockets_;
  std::vector<VirtualBoard> boards_;
  FileLock lock_;
  std::vector<std::string> agent_;  ///< Its command line until it is started.
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace tinyrig::cli
