#pragma once

#include <string>
#include <string_view>

#include "proto/status/status.h"

/// Where a local service keeps its things, and how its clients find it.
namespace tinyrig::cli {

/// `given`, or $XDG_STATE_HOME/tinyrig, or ~/.local/state/tinyrig; absolute. Does not create it.
/// Errors: kFailedPrecondition when there is no home folder.
Result<std::string> StateFolder(const std::string& given);

/// Where the server of this machine listens (deploy/systemd/tinyrigd.service). Members of group
/// tinyrig may connect.
inline constexpr char kMachineServer[] = "unix:/run/tinyrig/tinyrigd.sock";

/// Creates the folder and its parents; only its owner may enter. Errors: the system's reason.
Status MakePrivateFolder(const std::string& path);

/// A folder for the sockets of a service: STATE itself, or, when its path is too long for a unix
/// socket (107 bytes with the longest name below it), a new private one below $XDG_RUNTIME_DIR or
/// /tmp.
struct SocketFolder {
  std::string path;
  bool temporary = false;  ///< To be removed when the service stops.
};
Result<SocketFolder> MakeSocketFolder(const std::string& state);

/// What a running service says of itself in STATE/service.
struct ServiceFile {
  std::string address;
  bool is_private = false;  ///< It ends with the command that started it.
};
/// What the file says; without one, a public service at unix:STATE/tinyrigd.sock, where tinyrigd
/// listens by itself. Says nothing about whether it runs.
ServiceFile ReadServiceFile(const std::string& state);
Status WriteServiceFile(const std::string& state, const ServiceFile& service);
void RemoveServiceFile(const std::string& state);

/// True when something accepts connections at "unix:PATH"; immediate.
bool SocketAnswers(const std::string& address);
/// True when there may be a server at "unix:PATH", but this user may not look.
bool SocketForbidden(const std::string& address);

/// The path of a program that is installed beside this one. Errors: kNotFound, naming the folder.
Result<std::string> FindProgram(std::string_view name);
/// A file below ../share/tinyrig or ../lib seen from this program. Errors: kNotFound.
Result<std::string> FindBesidePrograms(std::string_view relative);

}  // namespace tinyrig::cli
