#include "tests/integration/agent_uplink/bench.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

namespace tinyrig::agent {
namespace {

constexpr milliseconds kPoll{2};

}  // namespace

AttemptRunner FakeAttempts::Runner() {
  return [this](v1::LeaseOffer offer, Board& board, const Boards&, ArtifactSource&,
                ProgressSink& progress) {
    EXPECT_TRUE(board.busy);
    return Run(std::move(offer), board.id, progress);
  };
}

Awaitable<v1::AttemptResult> FakeAttempts::Run(v1::LeaseOffer offer, std::string board,
                                               ProgressSink& progress) {
  struct Use {
    Use(FakeAttempts& on, std::string which) : attempts(on), board(std::move(which)) {
      attempts.Enter(board);
      ++attempts.running_;
    }
    ~Use() {
      --attempts.running_;
      attempts.Leave(board);
    }
    FakeAttempts& attempts;
    std::string board;
  };
  const Use use(*this, board);
  {
    const std::lock_guard lock(mutex_);
    ++runs_[offer.key().job_id()];
  }
  const uint32_t calls = static_cast<uint32_t>(progress_calls.load());
  for (uint32_t i = 0; i < calls; ++i) progress.Progress("stream", i, calls, "");
  if (calls > 0) progress.Progress("stream", 0, calls, log);
  while (!Released(offer.key().job_id())) co_await SleepUntil(Within(kPoll));
  if (throws) throw std::runtime_error("thrown by a test");
  v1::AttemptResult result;
  result.add_log(log);
  if (output_bytes > 0) result.add_outputs()->set_data(std::string(output_bytes, 'x'));
  co_return result;
}

void FakeAttempts::Release(uint64_t job) {
  const std::lock_guard lock(mutex_);
  released_.insert(job);
}

bool FakeAttempts::Released(uint64_t job) const {
  const std::lock_guard lock(mutex_);
  return released_.contains(job);
}

int FakeAttempts::runs(uint64_t job) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(job);
  return found == runs_.end() ? 0 : found->second;
}

void FakeAttempts::Enter(const std::string& board) {
  const std::lock_guard lock(mutex_);
  if (users_.contains(board)) collided_ = true;
  users_.insert(board);
}

void FakeAttempts::Leave(const std::string& board) {
  const std::lock_guard lock(mutex_);
  users_.erase(users_.find(board));
}

Awaitable<Result<ProbeIdentity>> FakeProbe::Identify(Deadline) {
  ++asked;
  attempts_.Enter(board_);
  const Deadline until = Within(delay);
  // In slices: a cancel must not leave the board entered for the rest of the test.
  while (Clock::now() < until) {
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) break;
    co_await SleepUntil(Within(kPoll));
  }
  attempts_.Leave(board_);
  co_return answer;
}

Awaitable<Result<FlashReport>> FakeProbe::Flash(FlashRequest, Deadline) {
  co_return Status(Code::kUnimplemented, "the fake probe only identifies");
}
Awaitable<Result<std::vector<std::vector<uint8_t>>>> FakeProbe::ReadMemory(std::vector<MemoryRange>,
                                                                           Deadline) {
  co_return Status(Code::kUnimplemented, "the fake probe only identifies");
}
Awaitable<Status> FakeProbe::Reset(Deadline) {
  co_return Status(Code::kUnimplemented, "the fake probe only identifies");
}

FakeAgent::FakeAgent(const std::string& server, const std::filesystem::path& spool,
                     FakeAttempts& attempts) {
  for (const char* id : {"b1", "b2"}) {
    auto board = std::make_unique<Board>();
    board->id = id;
    board->type = "virtual_m4";
    auto probe = std::make_unique<FakeProbe>(attempts, id);
    probes_.push_back(probe.get());
    board->probe = std::move(probe);
    boards_.push_back(std::move(board));
  }
  Result<Spool> opened = Spool::Open(spool);
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  Uplink::Options options;
  options.agent_id = "agent-1";
  options.bench = "bench-1";
  options.instance_id = "instance-1";
  options.heartbeat = milliseconds(100);
  options.identify_retry = milliseconds(50);
  uplink_ = std::make_unique<Uplink>(io_, options, MakeChannel(server, {}).value(), boards_,
                                     std::move(*opened), attempts, attempts.Runner());
}

void FakeAgent::Start() {
  thread_ = std::thread([this] {
    uplink_->Start();
    while (!stopping_) io_.run_one();
    io_.run_for(std::chrono::seconds(10));
    dry_ = io_.stopped();
  });
}

bool FakeAgent::Stop() {
  if (!thread_.joinable()) return dry_;
  asio::post(io_, [this] {
    stopping_ = true;
    uplink_->Stop();
  });
  thread_.join();
  return dry_;
}

}  // namespace tinyrig::agent
