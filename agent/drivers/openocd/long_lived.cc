#include "agent/drivers/openocd/long_lived.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tinyrig::agent::openocd {
namespace {

constexpr char kEndOfMessage = '\x1a';
constexpr size_t kMaxLogBytes = 256 * 1024;
/// A process that has its adapter answers this within a millisecond.
constexpr auto kContactTime = std::chrono::seconds(2);
/// From when a process that dies closes its pipes until it can be asked what it died of.
constexpr auto kDyingTime = std::chrono::milliseconds(200);

std::string Join(const Script& script) { return fmt::format("{}", fmt::join(script, "\n")); }

/// Ends the process unless the exchange came to its end: also when its coroutine is cancelled.
class EndUnlessDone {
 public:
  explicit EndUnlessDone(std::unique_ptr<Conversation>& openocd) : openocd_(openocd) {}
  EndUnlessDone(const EndUnlessDone&) = delete;
  EndUnlessDone& operator=(const EndUnlessDone&) = delete;
  ~EndUnlessDone() {
    if (!done) openocd_.reset();
  }
  bool done = false;

 private:
  std::unique_ptr<Conversation>& openocd_;
};

}  // namespace

Awaitable<Status> LongLived::Start() {
  const auto executor = co_await asio::this_coro::executor;
  CO_TRY_ASSIGN(std::vector<std::string> argv, StartCommand(adapter_, Service::kPipe));
  CO_TRY_ASSIGN(openocd_, Conversation::Start(executor, std::move(argv), environment_));
  ++starts_;
  co_return OkStatus();
}

Awaitable<int> LongLived::SignalOfTheEnd() {
  const Deadline limit = Within(kDyingTime);
  while (Clock::now() < limit) {
    if (const int signal = openocd_->EndedBySignal()) co_return signal;
    co_await SleepUntil(Within(std::chrono::milliseconds(5)));
  }
  co_return 0;
}

/// OpenOCD answers a failure as it answers success, and a configuration may print to the same
/// output: hence the catch, and a mark that only this request has.
Awaitable<Result<LongLived::Reply>> LongLived::Talk(std::string command) {
  const std::string mark = fmt::format("tinyrig-reply {} ", ++requests_);
  std::string request = fmt::format("set tinyrig_rc [catch {{{}}} tinyrig_m]; ", command);
  request += fmt::format("set tinyrig_m \"{}$tinyrig_rc\\n$tinyrig_m\"{}", mark, kEndOfMessage);
  bool listens = co_await openocd_->Write(std::move(request));
  while (listens) {
    const std::optional<std::string> answer = co_await openocd_->ReadUntil(kEndOfMessage);
    if (!answer) break;
    const size_t at = answer->find(mark);
    if (at == answer->npos) continue;
    const size_t text = answer->find('\n', at);
    if (text == answer->npos) break;
    Reply reply;
    reply.ok = answer->substr(at + mark.size(), text - at - mark.size()) == "0";
    reply.text = answer->substr(text + 1);
    co_return reply;
  }
  co_return Status(Code::kUnavailable, "OpenOCD ended");
}

Awaitable<Result<LongLived::Reply>> LongLived::Ask(std::string command, Deadline deadline,
                                                   ChildResult& run) {
  using namespace asio::experimental::awaitable_operators;
  EndUnlessDone guard(openocd_);
  const Deadline start = Clock::now();
  BoundedOutput log(kMaxLogBytes);
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  auto talk = Talk(std::move(command));
  auto read_log = openocd_->ReadLog(log);
  auto first = co_await (std::move(talk) || std::move(read_log) || timer.async_wait(kAsTuple));
  openocd_->TakeLog(log);
  run.output = log.Take();
  run.duration = Clock::now() - start;
  run.timed_out = first.index() == 2;
  const Status ended(Code::kUnavailable, "OpenOCD ended");
  Result<Reply> reply = ended;
  if (first.index() == 0) reply = std::move(std::get<0>(first));
  if (!reply.ok() && !run.timed_out) run.signal = co_await SignalOfTheEnd();
  if (!reply.ok()) co_return reply;
  run.exit_status = reply->ok ? 0 : 1;
  if (!reply->ok) run.output += reply->text + "\n";
  guard.done = true;
  co_return reply;
}

Awaitable<Status> LongLived::Connect(Deadline deadline) {
  ChildResult run;
  if (openocd_) {
    // A board that was power-cycled has lost the connection: the first try finds out, and makes
    // OpenOCD connect again at the second.
    for (int i = 0; i < 2 && openocd_; ++i) {
      const Deadline soon = Within(kContactTime, deadline);
      const auto reply = co_await Ask(Join(ContactScript(adapter_)), soon, run);
      if (reply.ok() && reply->ok) co_return OkStatus();
    }
    openocd_.reset();
    if (Clock::now() >= deadline) co_return Classify(run);
  }
  CO_TRY(co_await Start());
  // The first reply comes when the command line, init and all, was carried out.
  ChildResult first;
  const auto reply = co_await Ask("version", deadline, first);
  if (reply.ok()) co_return OkStatus();
  co_return Classify(first);
}

Awaitable<Result<std::string>> LongLived::Run(Script script, Deadline deadline) {
  CO_TRY(co_await Connect(deadline));
  ChildResult run;
  const auto reply = co_await Ask(Join(script), deadline, run);
  const Status status = Classify(run);
  if (!status.ok()) openocd_.reset();
  CO_TRY(status);
  co_return std::move(run.output);
}

Awaitable<Result<std::vector<uint32_t>>> LongLived::Access(std::vector<MemoryAccess> steps,
                                                           Deadline deadline) {
  if (!openocd_) {
    co_return Status(Code::kFailedPrecondition,
                     "the connection to the board was given up after a failure; rerun the job");
  }
  ChildResult run;
  const auto reply = co_await Ask(AccessCommand(steps), deadline, run);
  if (!reply.ok() || !reply->ok) {
    openocd_.reset();
    co_return Classify(run);
  }
  std::vector<uint32_t> words = HexWords(reply->text);
  size_t wanted = 0;
  for (const MemoryAccess& step : steps) wanted += step.words;
  if (words.size() == wanted) co_return words;
  openocd_.reset();
  co_return Status(
      Code::kUnavailable,
      fmt::format("OpenOCD gave {} of {} words; check power and cable", words.size(), wanted));
}

}  // namespace tinyrig::agent::openocd
