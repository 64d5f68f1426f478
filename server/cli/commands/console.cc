#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "server/cli/client/request.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/interrupts.h"
#include "server/cli/service/session.h"
#include "server/cli/text/visible.h"

namespace tinyrig::cli {
namespace {

constexpr char kEscape = 0x1D;  ///< Ctrl-]
constexpr int kTurnMs = 50;
constexpr size_t kMaxKept = 1 << 20;

using Stream = grpc::ClientReaderWriter<v1::ConsoleRequest, v1::ConsoleOutput>;

struct ConsoleOptions {
  std::string board;
  std::string user;
  bool reset = false;
  bool raw = false;
  int seconds = 0;  ///< 0: until somebody ends it.
};

/// Every key goes to the board, Ctrl-C too; as before at the end.
class RawTerminal {
 public:
  RawTerminal() {
    if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR);
    active_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (active_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  bool active() const { return active_; }

 private:
  termios before_{};
  bool active_ = false;
};

/// What the board says, until the stream ends.
struct Reader {
  void Run() {
    v1::ConsoleOutput output;
    while (stream.Read(&output)) {
      if (!output.note().empty()) fmt::print(stderr, "[{}]\n", Visible(output.note()));
      if (output.data().empty()) continue;
      bytes += output.data().size();
      if (json) {
        kept += output.data().substr(0, kMaxKept - std::min(kMaxKept, kept.size()));
        continue;
      }
      const std::string text = raw ? output.data() : Visible(output.data());
      // To a pipe that is gone nothing is said any more; the person ends the command.
      if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size()) break;
      std::fflush(stdout);
    }
    ended = true;
  }

  Stream& stream;
  bool raw;
  bool json;
  std::string kept;
  uint64_t bytes = 0;
  std::atomic<bool> ended = false;
};

/// Sends what is typed until the escape key, a signal, the time's end or the stream's.
void Type(Stream& stream, const ConsoleOptions& options, Interrupts& interrupts,
          const Reader& reader, bool keys) {
  const auto start = std::chrono::steady_clock::now();
  bool open = true;
  while (!reader.ended && !interrupts.Take()) {
    if (options.seconds > 0 &&
        std::chrono::steady_clock::now() - start >= std::chrono::seconds(options.seconds)) {
      return;
    }
    pollfd input{open ? STDIN_FILENO : -1, POLLIN, 0};
    if (poll(&input, 1, kTurnMs) <= 0) continue;
    char bytes[1024];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count <= 0) {
      open = false;  // A file has ended; the board may still have something to say.
      continue;
    }
    std::string typed(bytes, static_cast<size_t>(count));
    const size_t escape = keys ? typed.find(kEscape) : std::string::npos;
    typed.resize(std::min(typed.size(), escape));
    v1::ConsoleRequest request;
    request.set_input(typed);
    if (!typed.empty() && !stream.Write(request)) return;
    if (escape != std::string::npos) return;
  }
}

Result<int> Connect(const Client& client, const ConsoleOptions& options, const Common& common,
                    Interrupts& interrupts) {
  grpc::ClientContext context;
  v1::BoardService::Stub stub(client.channel());
  const auto stream = stub.Console(&context);
  v1::ConsoleRequest request;
  v1::ConsoleOpen& open = *request.mutable_open();
  open.set_board_id(options.board);
  open.set_user(options.user.empty() ? UserName() : options.user);
  open.set_reset(options.reset);
  stream->Write(request);
  Reader reader{*stream, options.raw, common.json, "", 0, false};
  {
    const RawTerminal terminal;
    if (terminal.active()) fmt::print(stderr, "[Ctrl-] ends the console]\n");
    std::jthread thread([&reader] { reader.Run(); });
    Type(*stream, options, interrupts, reader, terminal.active());
    if (!reader.ended) context.TryCancel();
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED) {
    return FromGrpc(status, "the console of " + options.board);
  }
  if (common.json) {
    fmt::print("{}", Dump({{"board_id", options.board},
                           {"bytes", reader.bytes},
                           {"text", Visible(reader.kept)}}));
  }
  return kExitOk;
}

}  // namespace

Runner DefineConsole(CLI::App& app) {
  auto options = std::make_shared<ConsoleOptions>();
  app.add_option("BOARD", options->board, "Name of the board, as 'tinyrig boards' lists it")
      ->required();
  app.add_option("--user", options->user, "Who reserved the board (default: your login name)")
      ->type_name("NAME");
  app.add_flag("--reset", options->reset, "Reset the board, to see how it starts");
  app.add_flag("--raw", options->raw, "Bytes as they come, also those that control a terminal");
  app.add_option("--seconds", options->seconds, "End by itself after so long")
      ->check(CLI::Range(1, 86400));
  return [options](const Common& common) -> Result<int> {
    Interrupts interrupts;
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return Connect(session.client(), *options, common, interrupts);
  };
}

}  // namespace tinyrig::cli
