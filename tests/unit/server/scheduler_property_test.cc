#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "server/scheduling/scheduler.h"

// What must hold whatever happens, in whatever order. Each seed is a small world of its own: agents
// that vanish and forget, boards of several kinds that break, are reserved, rest in windows or are
// in drain, jobs that fail, are refused, cancelled or time out.
namespace tinyrig::server {
namespace {

constexpr TimeUs kSecondUs = 1'000'000;

// TINYRIG_SCHEDULER_SEEDS=N tries more.
unsigned Seeds() {
  const char* wanted = std::getenv("TINYRIG_SCHEDULER_SEEDS");
  return wanted == nullptr ? 10'000 : static_cast<unsigned>(std::atoi(wanted));
}

class World {
 public:
  explicit World(unsigned seed) : seed_(seed), random_(seed), scheduler_(Fence(0), seed) {
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
      scheduler_.End(lost.key, true, v1::FAILURE_OWNER_SERVICE, now_);
      running_.erase(lost.key.job);
    }
  }

  void Finish(JobId job, bool fails) {
    const LeaseKey key = running_.at(job).key;
    ASSERT_TRUE(scheduler_.Reported(key));
    scheduler_.End(key, fails, fails ? v1::FAILURE_OWNER_BENCH : v1::FAILURE_OWNER_UNSPECIFIED,
                   now_);
    running_.erase(job);
    if (!fails) Ended(job);
    // What comes late or is forged changes nothing.
    LeaseKey late = key;
    EXPECT_FALSE(scheduler_.Reported(late));
    late.fence = Fence(late.fence.value + 1 + Below(3));
    EXPECT_FALSE(scheduler_.Reported(late) && running_.count(job) == 0);
    scheduler_.End(key, true, v1::FAILURE_OWNER_SERVICE, now_);
  }

  void Ended(JobId job) { open_.erase(job); }

  void Expire() {
    for (const Lease& lease : scheduler_.Expired(now_)) {
      scheduler_.End(lease.key, true, v1::FAILURE_OWNER_BENCH, now_);
      running_.erase(lease.key.job);
    }
    for (const JobId job : scheduler_.queue().TimedOut(now_)) {
      EXPECT_GE(now_ - scheduler_.queue().Find(job)->queued_us, 60 * kSecondUs);
      scheduler_.Cancel(job, now_);
      Ended(job);
    }
  }

  void Event() {
    BoardView* board = scheduler_.MutableBoard(BoardId("b" + std::to_string(Below(6))));
    switch (Below(14)) {
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
        return scheduler_.SetAgentDrain(AgentId("a" + std::to_string(Below(2))), Below(2) == 0);
      case 9: {
        Window window{1,
                      *Expression::Parse(Below(2) == 0 ? "type == m4" : "rack == 2"),
                      now_ + static_cast<TimeUs>(Below(60)) * kSecondUs,
                      10 * kSecondUs,
                      0,
                      "",
                      ""};
        return scheduler_.SetWindows({window});
      }
      case 10:
        return AddJob();
      case 11:
        if (open_.empty()) return;
        {
          const JobId job = Any(open_);
          const auto lease = scheduler_.Cancel(job, now_);
          EXPECT_EQ(lease.has_value(), running_.erase(job) > 0);
          return Ended(job);
        }
      case 12:
        if (running_.empty()) return;
        {
          const JobId job = Any(running_);
          scheduler_.Withdraw(running_.at(job).key, now_);
          running_.erase(job);
          return;
        }
      default:
        if (!running_.empty()) Finish(Any(running_), Below(3) == 0);
    }
  }

  // The world settles: from here on everything must come to its end.
  void Calm() {
    scheduler_.SetDrain(false);
    scheduler_.SetWindows({});
    for (uint64_t agent = 0; agent < 2; ++agent) {
      scheduler_.SetAgentDrain(AgentId("a" + std::to_string(agent)), false);
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
    EXPECT_EQ(scheduler_.queued() + scheduler_.leased(), open_.size()) << "seed " << seed_;
  }

  void Check(const Lease& lease) {
    EXPECT_GT(lease.key.fence.value, last_fence_) << "seed " << seed_;
    last_fence_ = lease.key.fence.value;
    for (const auto& [job, other] : running_) {
      EXPECT_NE(other.board, lease.board) << "board leased twice, seed " << seed_;
    }
    EXPECT_TRUE(running_.emplace(lease.key.job, lease).second) << "job twice, seed " << seed_;
    const BoardView& board = *scheduler_.FindBoard(lease.board);
    const QueuedJob& job = open_.at(lease.key.job);
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
    EXPECT_EQ(board.type, job.board_type) << "seed " << seed_;
    if (job.terms->boards) {
      EXPECT_EQ(lease.board, BoardId("b1")) << "label, seed " << seed_;
    }
  }

  const unsigned seed_;
  std::mt19937_64 random_;
  Scheduler scheduler_;
  TimeUs now_ = 1000 * kSecondUs;
  uint64_t last_job_ = 0;
  uint64_t last_fence_ = 0;
  std::vector<std::shared_ptr<const CampaignTerms>> terms_;
  std::map<JobId, QueuedJob> open_;
  std::map<JobId, Lease> running_;
};

TEST(SchedulerProperty, HoldsUnderRandomEvents) {
  for (unsigned seed = 0; seed < Seeds() && !testing::Test::HasFailure(); ++seed) World(seed).Run();
}

// Two to five users with jobs of different lengths on one to eight boards: as long as all of them
// have something waiting, none has got more than 5 % more or less than its share.
TEST(SchedulerProperty, SharesAreFair) {
  for (unsigned seed = 0; seed < Seeds() / 20 && !testing::Test::HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    Scheduler scheduler(Fence(0), seed);
    const size_t users = 2 + random() % 4;
    const size_t boards = 1 + random() % 8;
    std::vector<BoardReport> reports;
    for (size_t b = 0; b < boards; ++b) {
      reports.push_back({BoardId("b" + std::to_string(b)), "m4", "", {}});
    }
    scheduler.AgentConnected(AgentId("a"), reports, {});
    std::vector<std::shared_ptr<CampaignTerms>> campaigns;
    for (size_t c = 0; c < users * 2; ++c) {
      auto terms = std::make_shared<CampaignTerms>();
      terms->campaign = CampaignId(c + 1);
      terms->user = "user" + std::to_string(c % users);
      terms->priority = static_cast<int32_t>(random() % 4);
      terms->timeout_us = 100 * kSecondUs;
      campaigns.push_back(terms);
    }
    uint64_t next_job = 0;
    const auto refill = [&](size_t c) {
      QueuedJob job;
      job.job = JobId(++next_job);
      job.terms = campaigns[c];
      job.board_type = "m4";
      scheduler.Enqueue(job);
    };
    for (size_t c = 0; c < campaigns.size(); ++c) {
      for (int i = 0; i < 8; ++i) refill(c);
    }
    std::multimap<TimeUs, std::pair<Lease, TimeUs>> running;  // By end; with when it began.
    std::map<std::string, TimeUs> got;
    TimeUs now = 0;
    const auto start = [&] {
      for (const Lease& lease : scheduler.Match(now)) {
        const size_t c = lease.campaign.value - 1;
        const auto length = static_cast<TimeUs>((1 + c % users) * kSecondUs + random() % kSecondUs);
        running.emplace(now + length, std::pair(lease, now));
        refill(c);
      }
    };
    start();
    for (int i = 0; i < 3000; ++i) {
      const auto [end, what] = *running.begin();
      running.erase(running.begin());
      now = end;
      got[campaigns[what.first.campaign.value - 1]->user] += now - what.second;
      scheduler.End(what.first.key, false, v1::FAILURE_OWNER_UNSPECIFIED, now);
      start();
    }
    TimeUs total = 0;
    for (const auto& [user, time] : got) total += time;
    for (size_t u = 0; u < users; ++u) {
      const double share = static_cast<double>(got["user" + std::to_string(u)]) *
                           static_cast<double>(users) / static_cast<double>(total);
      EXPECT_NEAR(share, 1.0, 0.05) << "user " << u << " of " << users << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace tinyrig::server
