#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "agent/uplink/uplink.h"

namespace tinyrig::agent {

/// What attempts of a test do: they wait until the test releases their job, then succeed. Counts,
/// and notices when two use one board at once. Thread safe.
class FakeAttempts : public ArtifactSource {
 public:
  AttemptRunner Runner();
  Awaitable<Result<std::filesystem::path>> Get(v1::ArtifactRef, Deadline) override {
    co_return Status(Code::kNotFound, "no artifacts here");
  }

  void Release(uint64_t job);
  int runs(uint64_t job) const;
  int running() const { return running_; }
  bool collided() const { return collided_; }
  /// This many progress calls in one phase and then one with a log line, at the start of each run.
  std::atomic<int> progress_calls = 0;
  std::atomic<bool> throws = false;
  /// The log of each result and of its progress: what some tool said. Set before the agent starts.
  std::string log = "the last word";
  /// Bytes of output in each result.
  std::atomic<size_t> output_bytes = 0;

 private:
  friend class FakeProbe;
  Awaitable<v1::AttemptResult> Run(v1::LeaseOffer offer, std::string board, ProgressSink& progress);
  bool Released(uint64_t job) const;
  void Enter(const std::string& board);
  void Leave(const std::string& board);

  mutable std::mutex mutex_;
  std::set<uint64_t> released_;
  std::map<uint64_t, int> runs_;
  std::multiset<std::string> users_;
  std::atomic<int> running_ = 0;
  std::atomic<bool> collided_ = false;
};

/// A probe whose answer to Identify() takes `delay` and is `answer`.
class FakeProbe : public Probe {
 public:
  FakeProbe(FakeAttempts& attempts, std::string board)
      : attempts_(attempts), board_(std::move(board)) {}
  Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) override;
  Awaitable<Result<FlashReport>> Flash(FlashRequest, Deadline) override;
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange>,
                                                                  Deadline) override;
  Awaitable<Status> Reset(Deadline) override;

  Result<ProbeIdentity> answer = ProbeIdentity();
  Clock::duration delay{};
  std::atomic<int> asked = 0;

 private:
  FakeAttempts& attempts_;
  std::string board_;
};

/// An agent with boards b1, b2 on its own thread, as it is between start and end of the program.
class FakeAgent {
 public:
  FakeAgent(const std::string& server, const std::filesystem::path& spool, FakeAttempts& attempts);
  ~FakeAgent() { Stop(); }

  FakeProbe& probe(size_t index) { return *probes_.at(index); }
  void Start();
  /// Returns when the io_context ran dry; false when it did not within 10 s.
  bool Stop();

 private:
  boost::asio::io_context io_{1};
  Boards boards_;
  std::vector<FakeProbe*> probes_;
  std::unique_ptr<Uplink> uplink_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> dry_ = true;
};

}  // namespace tinyrig::agent
