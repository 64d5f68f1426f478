#include "server/cli/service/paths.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
// The longest path a service makes below its folder for sockets.
constexpr std::string_view kLongestSocket = "/boards/xxxxxx-99/control.sock";
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string HomeFolder() {
  if (std::string home = Environment("HOME"); !home.empty()) return home;
  const passwd* entry = getpwuid(getuid());
  return entry == nullptr ? "" : entry->pw_dir;
}

fs::path ProgramFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

Status FolderError(const std::string& path, int error) {
  return {error == EACCES ? Code::kPermissionDenied : Code::kFailedPrecondition,
          fmt::format("cannot use folder '{}': {}; name another one with --state", path,
                      std::strerror(error))};
}

}  // namespace

Result<std::string> StateFolder(const std::string& given) {
  std::string folder = given;
  if (folder.empty()) {
    const std::string base = Environment("XDG_STATE_HOME");
    const std::string home = HomeFolder();
    if (base.empty() && home.empty()) {
      return Status(
          Code::kFailedPrecondition,
          "no folder for state: neither $XDG_STATE_HOME nor $HOME is set; use --state DIR");
    }
    folder = (base.empty() ? home + "/.local/state" : base) + "/tinyrig";
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  std::string text = absolute.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Status MakePrivateFolder(const std::string& path) {
  std::error_code error;
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) return FolderError(parent.string(), error.value());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FolderError(path, errno);
  if (!fs::is_directory(path, error)) return FolderError(path, ENOTDIR);
  if (access(path.c_str(), W_OK | X_OK) != 0) return FolderError(path, errno);
  return OkStatus();
}

Result<SocketFolder> MakeSocketFolder(const std::string& state) {
  if (state.size() + kLongestSocket.size() <= kMaxSocketPath) return SocketFolder{state, false};
  std::string base = Environment("XDG_RUNTIME_DIR");
  if (base.empty() || base.size() > 40 || access(base.c_str(), W_OK) != 0) base = "/tmp";
  std::string folder = base + "/tinyrig-XXXXXX";
  // mkdtemp creates with mode 0700 and never uses what is already there.
  if (mkdtemp(folder.data()) == nullptr) return FolderError(base, errno);
  return SocketFolder{folder, true};
}

ServiceFile ReadServiceFile(const std::string& state) {
  const auto text = ReadFile(state + "/service", 4096);
  if (text.ok()) {
    const std::string address = text->substr(0, text->find('\n'));
    if (address.starts_with("unix:")) return {address, text->ends_with("\nprivate\n")};
  }
  return {"unix:" + state + "/tinyrigd.sock", false};
}

Status WriteServiceFile(const std::string& state, const ServiceFile& service) {
  return WriteFile(state + "/service", fmt::format("{}\n{}\n", service.address,
                                                   service.is_private ? "private" : "public"));
}

void RemoveServiceFile(const std::string& state) { unlink((state + "/service").c_str()); }

namespace {

/// 0, or the system's reason why the connection cannot be made.
int TryToConnect(const std::string& address) {
  if (!address.starts_with("unix:")) return EINVAL;
  const std::string path = address.substr(5);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() > kMaxSocketPath) return EINVAL;
  std::memcpy(name.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int error =
      connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

bool SocketAnswers(const std::string& address) { return TryToConnect(address) == 0; }

bool SocketForbidden(const std::string& address) { return TryToConnect(address) == EACCES; }

Result<std::string> FindProgram(std::string_view name) {
  const fs::path path = ProgramFolder() / name;
  if (access(path.c_str(), X_OK) == 0) return path.string();
  return Status(Code::kNotFound,
                fmt::format("program '{}' is not beside this one, in {}; is the build or the "
                            "installation complete?",
                            name, ProgramFolder().string()));
}

Result<std::string> FindBesidePrograms(std::string_view relative) {
  const fs::path path = (ProgramFolder().parent_path() / relative).lexically_normal();
  if (access(path.c_str(), R_OK) == 0) return path.string();
  return Status(
      Code::kNotFound,
      fmt::format("'{}' is missing; is the build or the installation complete?", path.string()));
}

}  // namespace tinyrig::cli
