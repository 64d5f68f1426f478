#include "agent/uplink/state_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/state/files.h"

namespace tinyrig::agent {

Result<StateDir> StateDir::Open(const std::filesystem::path& wanted) {
  std::error_code error;
  std::filesystem::path dir = std::filesystem::absolute(wanted, error);
  if (error) dir = wanted;
  TRY(MakeFolder(dir));
  const std::filesystem::path lock = dir / "lock";
  StateDir state(dir, ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (state.lock_fd_ < 0) return IoError("cannot open", lock);
  if (::flock(state.lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("another agent uses {} (its pid is in {}); stop it or choose another "
                              "folder with --state",
                              dir.string(), lock.string()));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(state.lock_fd_, 0) != 0 || ::write(state.lock_fd_, pid.data(), pid.size()) < 0) {
    return IoError("cannot write", lock);
  }
  return state;
}

StateDir::~StateDir() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

}  // namespace tinyrig::agent
