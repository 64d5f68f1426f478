#include <gtest/gtest.h>

#include <random>

#include "server/scheduling/scheduler.h"
#include "tests/unit/server/random_worlds.h"

// What must hold whatever happens, in whatever order. Each seed is a small world of its own: agents
// that vanish and forget, boards of several kinds that break, are reserved, rest in windows or are
// in drain, jobs that fail, are refused, cancelled or time out, a server that begins anew with what
// was stored, and ends that are reported too late or by somebody who made them up.
namespace tinyrig::server {
namespace {

class World {
 public:
  explicit World(unsigned seed) : seed_(seed), random_(seed), scheduler_(Fence(0), seed) {
    scheduler_.SetReferenceTypes(kReferenceTypes);
    for (uint64_t c = 1; c <= 4; ++c) AddCampaign(c);
    for (int i = 0; i < 16; ++i) AddJob();
  }

  void Run() {
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      now_ += static_cast<TimeUs>(Below(2 * kSecondUs));
      Event();
      Match();
    }
    Calm();
    for (int step = 0; step < 4000 && !open_.empty() && !testing::Test::HasFailure(); ++step) {
      now_ += kSecondUs;
      Connect(Below(2));
      if (!running_.empty()) Finish(Any(running_), Below(8) == 0);
      Expire();
      Match();
    }
    EXPECT_TRUE(open_.empty()) << open_.size() << " jobs never ended, seed " << seed_;
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  template <typename Map>
  typename Map::key_type Any(const Map& map) {
    return std::next(map.begin(), static_cast<int64_t>(Below(map.size())))->first;
  }

  void AddCampaign(uint64_t id) {
    auto terms = std::make_shared<CampaignTerms>();
    terms->campaign = CampaignId(id);
    terms->user = id % 2 == 0 ? "ann" : "bob";
    terms->priority = static_cast<int32_t>(Below(5)) - 2;
    terms->timeout_us = static_cast<TimeUs>(5 + Below(10)) * kSecondUs;
    if (id == 3) terms->boards = *Expression::Parse("rack == 1");
    if (id == 4) terms->queue_timeout_us = 60 * kSecondUs;
    terms_.push_back(terms);
  }

  void AddJob() {
    QueuedJob job;
    job.job = JobId(++last_job_);
    job.terms = terms_[Below(terms_.size())];
    job.board_type = job.terms->boards || Below(3) > 0 ? "m4" : "m7";
    job.queued_us = now_;
    if (Below(12) == 0) job.pinned = BoardId("b" + std::to_string(Below(6)));
    open_[job.job] = job;
    scheduler_.Enqueue(job);
  }

  // The server is killed and starts again: all that it knows is what its store holds.
  void Restart() {
    std::vector<BoardView> stored;
    for (const auto& [id, board] : scheduler_.boards()) {
      BoardView view;
      view.id = id;
      view.type = board.type;
      view.agent = board.agent;
      view.labels = board.labels;
      view.condition = board.condition;
      view.maintenance = board.maintenance;
      view.reserved_by = board.reserved_by;
      view.reserved_until_us = board.reserved_until_us;
      stored.push_back(view);
    }
    scheduler_ = Scheduler(Fence(last_fence_), seed_);
    scheduler_.SetReferenceTypes(kReferenceTypes);
    scheduler_.SetWindows(windows_);
    for (const AgentId& agent : draining_) scheduler_.SetAgentDrain(agent, true);
    for (BoardView& view : stored) scheduler_.RestoreBoard(std::move(view));
    for (const auto& [job, lease] : running_) scheduler_.RestoreLease(open_.at(job), lease);
    for (const auto& [id, job] : open_) {
      if (!running_.contains(id)) scheduler_.Enqueue(job);
    }
    CheckBooks();
  }

  // Boards 0 2 4 are the first agent's, 1 3 5 the other's; 0-3 m4, 4 5 m7.
  std::vector<BoardReport> BoardsOf(uint64_t agent, bool may_break) {
    std::vector<BoardReport> reports;
    for (uint64_t b = agent; b < 6; b += 2) {
      BoardReport report{BoardId("b" + std::to_string(b)), b < 4 ? "m4" : "m7", "", {}};
      if (may_break && Below(6) == 0) report.broken = "probe gone";
      report.labels = {{"rack", b == 1 ? "1" : "2"}};
      reports.push_back(report);
    }
    return reports;
  }

  void Connect(uint64_t agent, bool forgets = false) {
    const AgentId name("a" + std::to_string(agent));
    std::vector<LeaseKey> held;
    for (const auto& [job, lease] : running_) {
      if (lease.agent == name && (!forgets || Below(2) == 0)) held.push_back(lease.key);
    }
    for (const Lease& lost : scheduler_.AgentConnected(name, BoardsOf(agent, forgets), held).lost) {
      Spoiled(lost, v1::FAILURE_OWNER_SERVICE);
    }
  }

  void Spoiled(const Lease& lease, v1::FailureOwner owner) {
    QueuedJob& job = open_.at(lease.key.job);
    EXPECT_EQ(scheduler_.FailedAttempts(lease.key), job.failed_attempts) << "seed " << seed_;
    ++job.failed_attempts;
    job.queued_us = now_;
    if (owner == v1::FAILURE_OWNER_BENCH) job.avoid.insert(lease.board);
    scheduler_.End(lease.key, true, owner, now_);
    Over(lease.key);
  }

  void Over(LeaseKey key) {
    running_.erase(key.job);
    past_.push_back(key);
  }

  void Finish(JobId job, bool fails) {
    const Lease lease = running_.at(job);
    ASSERT_TRUE(scheduler_.Reported(lease.key)) << "seed " << seed_;
    if (fails) return Spoiled(lease, v1::FAILURE_OWNER_BENCH);
    scheduler_.End(lease.key, false, v1::FAILURE_OWNER_UNSPECIFIED, now_);
    Over(lease.key);
    Ended(job);
  }

  // It succeeds, boards are leased again, and then the disk refuses all of it.
  void SucceedInVain(JobId job) {
    const Lease lease = running_.at(job);
    ASSERT_TRUE(scheduler_.Reported(lease.key)) << "seed " << seed_;
    auto finished = scheduler_.Finish(lease.key, now_);
    ASSERT_TRUE(finished) << "seed " << seed_;
    EXPECT_EQ(scheduler_.Find(lease.key), nullptr) << "seed " << seed_;
    running_.erase(job);
    const std::vector<Lease> begun = scheduler_.Match(now_);
    for (const Lease& other : begun) {
      EXPECT_NE(other.key.job, job) << "seed " << seed_;
      Check(other);
    }
    for (const Lease& other : begun) {
      scheduler_.Withdraw(other.key, now_);
      Over(other.key);
    }
    scheduler_.Reopen(std::move(*finished));
    running_.emplace(job, lease);
    CheckBooks();
  }

  // Leases that are over, and ones that never were. Their ends change nothing, least of all for the
  // lease that the same job or board may have now.
  void ReportWhatIsNotInForce() {
    for (int i = 0; i < 3 && !past_.empty(); ++i) TryToEnd(past_[Below(past_.size())]);
    if (running_.empty()) return;
    LeaseKey forged = running_.at(Any(running_)).key;
    switch (Below(3)) {
      case 0:
        forged.fence = Fence(forged.fence.value + 1 + Below(3));
        break;
      case 1:
        forged.fence = Fence(forged.fence.value - 1 - Below(forged.fence.value));
        break;
      default:
        ++forged.attempt;
    }
    TryToEnd(forged);
  }

  void TryToEnd(const LeaseKey& key) {
    EXPECT_EQ(scheduler_.Find(key), nullptr) << "seed " << seed_;
    EXPECT_FALSE(scheduler_.Reported(key)) << "seed " << seed_;
    EXPECT_EQ(scheduler_.FailedAttempts(key), 0u) << "seed " << seed_;
    scheduler_.End(key, Below(2) == 0, v1::FAILURE_OWNER_BENCH, now_);
    scheduler_.Withdraw(key, now_);
    scheduler_.ReportDropped(key);
    CheckBooks();
  }

  // The scheduler has each open job once, and exactly the leases that are known here.
  void CheckBooks() {
    EXPECT_EQ(scheduler_.queued() + scheduler_.leased(), open_.size()) << "seed " << seed_;
    EXPECT_EQ(scheduler_.leased(), running_.size()) << "seed " << seed_;
    for (const auto& [job, lease] : running_) {
      const Lease* found = scheduler_.Find(lease.key);
      ASSERT_NE(found, nullptr) << "job " << job.value << ", seed " << seed_;
      EXPECT_EQ(found->board, lease.board) << "seed " << seed_;
      EXPECT_EQ(scheduler_.FindBoard(lease.board)->lease, lease.key) << "seed " << seed_;
    }
  }

  void Ended(JobId job) { open_.erase(job); }

  void Expire() {
    for (const Lease& lease : scheduler_.Expired(now_)) {
      EXPECT_LE(lease.deadline_us, now_) << "seed " << seed_;
      Spoiled(lease, v1::FAILURE_OWNER_BENCH);
    }
    for (const JobId job : scheduler_.queue().TimedOut(now_)) {
      EXPECT_GE(now_ - scheduler_.queue().Find(job)->queued_us, 60 * kSecondUs);
      scheduler_.Cancel(job, now_);
      Ended(job);
    }
  }

  void Event() {
    BoardView* board = scheduler_.MutableBoard(BoardId("b" + std::to_string(Below(6))));
    switch (Below(16)) {
      case 0:
        return scheduler_.AgentLost(AgentId("a" + std::to_string(Below(2))));
      case 1:
      case 2:
        return Connect(Below(2), true);
      case 3:
        return Expire();
      case 4:
        if (board != nullptr) {
          board->reserved_by = "ann";
          board->reserved_until_us = now_ + static_cast<TimeUs>(Below(30)) * kSecondUs;
        }
        return;
      case 5:
        if (board != nullptr) board->maintenance = !board->maintenance;
        return;
      case 6:
        if (board != nullptr) {
          board->condition.health = static_cast<v1::BoardHealth>(v1::BOARD_HEALTH_GOOD + Below(3));
        }
        return;
      case 7:
        return scheduler_.SetDrain(Below(3) == 0);
      case 8:
        return DrainAgent(AgentId("a" + std::to_string(Below(2))), Below(2) == 0);
      case 9: {
        Window window{1,
                      *Expression::Parse(Below(2) == 0 ? "type == m4" : "rack == 2"),
                      now_ + static_cast<TimeUs>(Below(60)) * kSecondUs,
                      10 * kSecondUs,
                      0,
                      "",
                      ""};
        return SetWindows({window});
      }
      case 10:
        return AddJob();
      case 11:
        if (open_.empty()) return;
        {
          const JobId job = Any(open_);
          const auto lease = scheduler_.Cancel(job, now_);
          EXPECT_EQ(lease.has_value(), running_.contains(job));
          if (lease) Over(lease->key);
          return Ended(job);
        }
      case 12:
        if (running_.empty()) return;
        {
          const LeaseKey key = running_.at(Any(running_)).key;
          scheduler_.Withdraw(key, now_);
          return Over(key);
        }
      case 13:
        return Restart();
      case 14:
        if (!running_.empty()) SucceedInVain(Any(running_));
        return;
      default:
        if (!running_.empty()) Finish(Any(running_), Below(3) == 0);
    }
  }

  void DrainAgent(const AgentId& agent, bool drain) {
    scheduler_.SetAgentDrain(agent, drain);
    drain ? void(draining_.insert(agent)) : void(draining_.erase(agent));
  }
  void SetWindows(std::vector<Window> windows) {
    windows_ = windows;
    scheduler_.SetWindows(std::move(windows));
  }

  // The world settles: from here on everything must come to its end.
  void Calm() {
    scheduler_.SetDrain(false);
    SetWindows({});
    for (uint64_t agent = 0; agent < 2; ++agent) {
      DrainAgent(AgentId("a" + std::to_string(agent)), false);
      Connect(agent);
    }
    for (int b = 0; b < 6; ++b) {
      BoardView* board = scheduler_.MutableBoard(BoardId("b" + std::to_string(b)));
      board->maintenance = false;
      board->condition.health = v1::BOARD_HEALTH_GOOD;
    }
  }

  void Match() {
    for (const Lease& lease : scheduler_.Match(now_)) Check(lease);
    CheckBooks();
    ReportWhatIsNotInForce();
  }

  void Check(const Lease& lease) {
    EXPECT_GT(lease.key.fence.value, last_fence_) << "seed " << seed_;
    last_fence_ = lease.key.fence.value;
    for (const auto& [job, other] : running_) {
      EXPECT_NE(other.board, lease.board) << "board leased twice, seed " << seed_;
    }
    EXPECT_TRUE(running_.emplace(lease.key.job, lease).second) << "job twice, seed " << seed_;
    const BoardView& board = *scheduler_.FindBoard(lease.board);
    QueuedJob& job = open_.at(lease.key.job);
    EXPECT_EQ(lease.key.attempt, ++job.last_attempt) << "seed " << seed_;
    EXPECT_TRUE(board.online && board.broken.empty() && !board.maintenance) << "seed " << seed_;
    EXPECT_TRUE(board.reserved_by.empty() || board.reserved_until_us <= now_)
        << "reservation broken, seed " << seed_;
    EXPECT_FALSE(scheduler_.Draining(board)) << "drain broken, seed " << seed_;
    const TimeUs until = scheduler_.NextWindowOf(board, now_).until_us;
    EXPECT_GE(until, job.terms->timeout_us + Scheduler::kGraceUs) << "window, seed " << seed_;
    if (!job.pinned.value.empty()) {
      EXPECT_EQ(job.pinned, lease.board) << "seed " << seed_;
      return;
    }
    const JobId pinned = scheduler_.queue().PinnedTo(lease.board);
    if (pinned != JobId()) {
      EXPECT_GT(open_.at(pinned).terms->timeout_us + Scheduler::kGraceUs, until)
          << "pinned first, seed " << seed_;
    }
    EXPECT_NE(board.condition.health, v1::BOARD_HEALTH_QUARANTINED) << "seed " << seed_;
    if (board.condition.health == v1::BOARD_HEALTH_SUSPECT &&
        kReferenceTypes.contains(board.type)) {
      EXPECT_FALSE(AnyUsableIsGood(board.type)) << "a suspect board, seed " << seed_;
    }
    EXPECT_EQ(board.type, job.board_type) << "seed " << seed_;
    if (job.terms->boards) {
      EXPECT_EQ(lease.board, BoardId("b1")) << "label, seed " << seed_;
    }
  }

  bool AnyUsableIsGood(const std::string& type) {
    return std::ranges::any_of(scheduler_.boards(), [&](const auto& entry) {
      const BoardView& board = entry.second;
      return board.type == type && board.condition.health == v1::BOARD_HEALTH_GOOD &&
             Scheduler::Usable(board, now_);
    });
  }

  inline static const std::set<std::string> kReferenceTypes = {"m4"};
  const unsigned seed_;
  std::mt19937_64 random_;
  Scheduler scheduler_;
  TimeUs now_ = 1000 * kSecondUs;
  uint64_t last_job_ = 0;
  uint64_t last_fence_ = 0;
  std::vector<std::shared_ptr<const CampaignTerms>> terms_;
  std::map<JobId, QueuedJob> open_;  // As a store would hold them.
  std::map<JobId, Lease> running_;
  std::vector<LeaseKey> past_;
  std::set<AgentId> draining_;
  std::vector<Window> windows_;
};

TEST(SchedulerProperty, HoldsUnderRandomEvents) {
  for (unsigned seed = 0; seed < Seeds() && !testing::Test::HasFailure(); ++seed) World(seed).Run();
}

}  // namespace
}  // namespace tinyrig::server
