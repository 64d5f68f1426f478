#include "agent/process/conversation.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

namespace tinyrig::agent {
namespace {

constexpr size_t kMaxAnswer = 16 * 1024 * 1024;

/// Closes what it still holds.
struct Ends {
  int read = -1, write = -1;

  ~Ends() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
  bool Open() {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0) return false;
    read = both[0];
    write = both[1];
    return true;
  }
};

}  // namespace

Result<std::unique_ptr<Conversation>> Conversation::Start(
    asio::any_io_executor executor, std::vector<std::string> argv,
    const std::map<std::string, std::string>& environment) {
  Ends in, out, err;
  if (!in.Open() || !out.Open() || !err.Open()) {
    return Status(Code::kUnavailable, std::string("pipe: ") + std::strerror(errno));
  }
  TRY_ASSIGN(Spawned child, Spawn(std::move(argv), environment, in.read, out.write, err.write));
  const auto ours = [&executor](int& end) {
    Pipe pipe(executor, std::exchange(end, -1));
    pipe.non_blocking(true);
    return pipe;
  };
  return std::unique_ptr<Conversation>(
      new Conversation(std::move(child), ours(in.write), ours(out.read), ours(err.read)));
}

Awaitable<bool> Conversation::Write(std::string text) {
  const auto source = asio::buffer(text);
  const auto [error, size] = co_await asio::async_write(in_, source, kAsTuple);
  co_return !error;
}

Awaitable<std::optional<std::string>> Conversation::ReadUntil(char end) {
  auto target = asio::dynamic_buffer(received_, kMaxAnswer);
  const auto [error, size] = co_await asio::async_read_until(out_, target, end, kAsTuple);
  if (error) co_return std::nullopt;
  std::string answer = received_.substr(0, size - 1);
  received_.erase(0, size);
  co_return answer;
}

Awaitable<void> Conversation::ReadLog(BoundedOutput& log) {
  std::vector<char> buffer(16 * 1024);
  while (true) {
    const auto target = asio::buffer(buffer);
    const auto [error, size] = co_await err_.async_read_some(target, kAsTuple);
    if (error) co_return;
    log.Append(std::string_view(buffer.data(), size));
  }
}

int Conversation::EndedBySignal() const {
  siginfo_t end{};
  if (waitid(P_PID, static_cast<id_t>(child_.pid()), &end, WEXITED | WNOHANG | WNOWAIT) != 0)
    return 0;
  return end.si_code == CLD_KILLED || end.si_code == CLD_DUMPED ? end.si_status : 0;
}

void Conversation::TakeLog(BoundedOutput& log) {
  char buffer[16 * 1024];
  ssize_t size;
  while ((size = read(err_.native_handle(), buffer, sizeof(buffer))) > 0) {
    log.Append(std::string_view(buffer, static_cast<size_t>(size)));
  }
}

}  // namespace tinyrig::agent
