#include <gtest/gtest.h>

#include <map>
#include <random>

#include "server/scheduling/scheduler.h"
#include "tests/unit/server/random_worlds.h"

// Who gets how much, and how long anybody waits, while there is always more to do than boards for
// it: whenever a job is taken, another one of its campaign comes.
namespace tinyrig::server {
namespace {

// Boards of one type, b0, b1, ..., each in a rack of its own, of one agent.
class Crowd {
 public:
  Crowd(unsigned seed, size_t boards) : random(seed), scheduler(Fence(0), seed) {
    for (size_t b = 0; b < boards; ++b) {
      BoardReport report{BoardId("b" + std::to_string(b)), "m4", "", {}};
      report.labels = {{"rack", std::to_string(b)}};
      reports.push_back(report);
    }
    scheduler.AgentConnected(AgentId("a"), reports, {});
  }

  void AddCampaign(const std::string& user, int32_t priority, const char* boards = nullptr) {
    auto terms = std::make_shared<CampaignTerms>();
    terms->campaign = CampaignId(campaigns.size() + 1);
    terms->user = user;
    terms->priority = priority;
    terms->timeout_us = 100 * kSecondUs;
    if (boards != nullptr) terms->boards = *Expression::Parse(boards);
    campaigns.push_back(std::move(terms));
  }
  JobId AddJob(size_t campaign) {
    QueuedJob job;
    job.job = JobId(++last_job);
    job.terms = campaigns[campaign];
    job.board_type = "m4";
    job.queued_us = now;
    scheduler.Enqueue(job);
    return job.job;
  }
  static size_t CampaignOf(const Lease& lease) { return lease.campaign.value - 1; }
  TimeUs Below(TimeUs n) { return static_cast<TimeUs>(random() % static_cast<uint64_t>(n)); }

  std::mt19937_64 random;
  Scheduler scheduler;
  std::vector<BoardReport> reports;
  std::vector<std::shared_ptr<const CampaignTerms>> campaigns;
  uint64_t last_job = 0;
  TimeUs now = 0;
};

struct Attempt {
  Lease lease;
  TimeUs begun = 0;
};

// However long their jobs are, each user gets the same within 5 % of it, and campaigns of one user
// share that by 2^priority, within 2 % of all board time and the choices that take the oldest job:
// those may all go to campaigns that are due little.
void CheckShares(unsigned seed) {
  Crowd crowd(seed, 1 + seed % 8);
  const size_t users = 2 + crowd.random() % 4;
  for (size_t c = 0; c < users * 2; ++c) {
    crowd.AddCampaign("user" + std::to_string(c % users), static_cast<int32_t>(crowd.Below(4)));
    for (int i = 0; i < 8; ++i) crowd.AddJob(c);
  }
  std::multimap<TimeUs, Attempt> running;  // By end.
  std::vector<TimeUs> got(users * 2);
  const auto start = [&] {
    for (const Lease& lease : crowd.scheduler.Match(crowd.now)) {
      const size_t c = Crowd::CampaignOf(lease);
      const TimeUs length = static_cast<TimeUs>(1 + c % users) * kSecondUs + crowd.Below(kSecondUs);
      running.emplace(crowd.now + length, Attempt{lease, crowd.now});
      crowd.AddJob(c);
    }
  };
  start();
  for (int i = 0; i < 1000; ++i) {
    const auto [end, attempt] = *running.begin();
    running.erase(running.begin());
    crowd.now = end;
    got[Crowd::CampaignOf(attempt.lease)] += crowd.now - attempt.begun;
    crowd.scheduler.End(attempt.lease.key, false, v1::FAILURE_OWNER_UNSPECIFIED, crowd.now);
    start();
  }
  TimeUs total = 0;
  for (const auto& [end, attempt] : running) {
    got[Crowd::CampaignOf(attempt.lease)] += crowd.now - attempt.begun;
  }
  for (const TimeUs time : got) total += time;
  const double share = static_cast<double>(total) / static_cast<double>(users);
  for (size_t u = 0; u < users; ++u) {
    EXPECT_NEAR(static_cast<double>(got[u] + got[u + users]) / share, 1.0, 0.05)
        << "user " << u << " of " << users << ", seed " << seed;
    const double weights[] = {std::exp2(crowd.campaigns[u]->priority),
                              std::exp2(crowd.campaigns[u + users]->priority)};
    const double due = share * weights[0] / (weights[0] + weights[1]);
    EXPECT_NEAR((static_cast<double>(got[u]) - due) / static_cast<double>(total), 0.0,
                1.0 / JobQueue::kOldestEvery + 0.02)
        << "campaign " << u + 1 << " of user " << u << ", seed " << seed;
  }
}

TEST(SchedulerShares, AreFair) {
  for (unsigned seed = 0; seed < Seeds() && !testing::Test::HasFailure(); ++seed) {
    CheckShares(seed);
  }
}

// Board b0 is always there and fits every job; the others come and go, refuse and fail. Every
// kOldestEvery-th choice of b0 is the oldest job, so a job waits for at most so many choices of b0
// for each job that was there before it, and for itself; and no choice lasts longer than `longest`.
class Wait {
 public:
  explicit Wait(unsigned seed)
      : seed_(seed), lockstep_(seed % 4 == 0), crowd_(seed, lockstep_ ? 2 : 1 + seed % 3) {
    const size_t campaigns = 3 + crowd_.random() % 3;
    for (size_t c = 0; c < campaigns; ++c) {
      // Jobs of the first campaign run on b0 only; its user has others that run anywhere.
      crowd_.AddCampaign(c < 2 ? "ann" : "user" + std::to_string(crowd_.Below(2)),
                         static_cast<int32_t>(crowd_.Below(21)) - 10,
                         c == 0 || crowd_.Below(4) == 0 ? "rack == 0" : nullptr);
      for (TimeUs i = 0; i <= crowd_.Below(2); ++i) Waits(crowd_.AddJob(c));
    }
  }

  void Run() {
    Match();
    for (int i = 0; i < 800 && !testing::Test::HasFailure(); ++i) {
      const auto [end, attempt] = *running_.begin();
      running_.erase(running_.begin());
      crowd_.now = end;
      End(attempt);
      if (!lockstep_) ComeAndGo();
      Match();
    }
    for (const auto& [job, until] : latest_) Check(job, until);
  }

 private:
  // All jobs take the same, b0 and b1 choose in turns: what happens at every 16th choice of both
  // would always happen at the same one's.
  TimeUs Length() { return lockstep_ ? kLongest : 1 + crowd_.Below(kLongest); }

  void Waits(JobId job) {
    const auto before = static_cast<TimeUs>(crowd_.scheduler.queued() + crowd_.scheduler.leased());
    latest_[job] = crowd_.now + before * static_cast<TimeUs>(JobQueue::kOldestEvery) * kLongest;
  }

  void Check(JobId job, TimeUs until) {
    EXPECT_LE(crowd_.now, until) << "job " << job.value << " waits, seed " << seed_;
  }

  void Match() {
    for (const Lease& lease : crowd_.scheduler.Match(crowd_.now)) {
      Check(lease.key.job, latest_.at(lease.key.job));
      const bool ahead =
          lockstep_ && crowd_.now == 0 && lease.board == crowd_.reports[seed_ / 4 % 2].id;
      running_.emplace(crowd_.now + (ahead ? kLongest / 2 : Length()), Attempt{lease, crowd_.now});
      Waits(crowd_.AddJob(Crowd::CampaignOf(lease)));
    }
  }

  void End(const Attempt& attempt) {
    const LeaseKey& key = attempt.lease.key;
    const bool reliable = lockstep_ || attempt.lease.board == BoardId("b0");
    switch (crowd_.Below(reliable ? 2 : 8)) {
      case 2:
        crowd_.scheduler.Withdraw(key, crowd_.now);
        return Waits(key.job);
      case 3:
        crowd_.scheduler.End(key, true, v1::FAILURE_OWNER_BENCH, crowd_.now);
        return Waits(key.job);
      default:
        crowd_.scheduler.End(key, false, v1::FAILURE_OWNER_UNSPECIFIED, crowd_.now);
        latest_.erase(key.job);
    }
  }

  void ComeAndGo() {
    if (crowd_.Below(8) != 0) return;
    for (size_t b = 1; b < crowd_.reports.size(); ++b) {
      crowd_.reports[b].broken = crowd_.Below(2) == 0 ? "probe gone" : "";
    }
    crowd_.scheduler.AgentBoards(AgentId("a"), crowd_.reports);
  }

  static constexpr TimeUs kLongest = 2 * kSecondUs;
  const unsigned seed_;
  const bool lockstep_;
  Crowd crowd_;
  std::multimap<TimeUs, Attempt> running_;  // By end.
  std::map<JobId, TimeUs> latest_;          // When a job must have been taken.
};

TEST(SchedulerShares, NobodyWaitsLongerThanTheOldestAllow) {
  for (unsigned seed = 0; seed < Seeds() && !testing::Test::HasFailure(); ++seed) Wait(seed).Run();
}

}  // namespace
}  // namespace tinyrig::server
