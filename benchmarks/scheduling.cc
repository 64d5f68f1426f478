// Runs campaigns over simulated native sessions: the real expansion, plans, store
// (synchronous=FULL) and scheduler, and offers as they are sent; simulated are the sessions and the
// time they take. Usage: bench_scheduling [--share DIR] [--sessions N] [--job-ms MS] [JOBS...], by
// default 1000 sessions, jobs of 1000 ms (half as much to half as much again), and 25000, 50000,
// 100000 jobs. The state folder is in $TMPDIR.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <queue>
#include <random>

#include "server/service/agent_messages.h"
#include "server/service/firmware_folder.h"
#include "server/service/submission.h"
#include "server/store/store.h"
#include "tests/unit/server/temp_dir.h"

namespace {

using namespace tinyrig;
using namespace tinyrig::server;
using Wall = std::chrono::steady_clock;

constexpr size_t kBoardsOfAgent = 10;
constexpr size_t kUsers = 20;
constexpr size_t kModels = 16;
constexpr size_t kMaxOfCommit = 64;  // As in Dispatcher.
constexpr TimeUs kMs = 1000;

double CpuSeconds(clockid_t of = CLOCK_THREAD_CPUTIME_ID) {
  timespec now{};
  clock_gettime(of, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double OtherThreadsSeconds() { return CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - CpuSeconds(); }

/// What one look at the clock takes of the time between two.
double LookSeconds() {
  constexpr int kLooks = 20'000;
  const double start = CpuSeconds();
  for (int i = 0; i < kLooks; ++i) CpuSeconds();
  return (CpuSeconds() - start) / kLooks;
}

/// Adds this thread's CPU time of its life to `sum`, without that of looking at the clock.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum), start_(CpuSeconds()) {}
  ~Stopwatch() { sum_ += CpuSeconds() - start_ - kLook; }

 private:
  static inline const double kLook = LookSeconds();
  double& sum_;
  double start_;
};

uint64_t ResidentKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

struct Spent {
  double planning = 0;    ///< The first campaign: all that is compiled.
  double expansion = 0;   ///< All others: everything is known.
  double scheduling = 0;  ///< Enqueue, Match, End.
  double store = 0;       ///< Campaigns, leases, results; the thread that tends the log too.
  double offers = 0;      ///< Loading the job, building the message.
};

class Simulation {
 public:
  Simulation(const std::filesystem::path& firmware, size_t sessions, TimeUs job_us)
      : firmware_(firmware), sessions_(sessions), job_us_(job_us) {}

  Status Run(size_t jobs) {
    TRY_ASSIGN(Store store, Store::Open(dir_.path() / "tinyrig.db"));
    store_ = &store;
    TRY_ASSIGN(ArtifactFolder artifacts, ArtifactFolder::Open(dir_.path() / "artifacts"));
    TRY_ASSIGN(const Catalog catalog, LoadFirmware(firmware_ / "firmware", artifacts));
    TRY_ASSIGN(const v1::CampaignSpec spec, Spec(artifacts));
    TRY_ASSIGN(const Store::Unfinished unfinished, store.LoadUnfinished());
    scheduler_ = Scheduler(unfinished.last_fence, 1);
    scheduler_.SetBoardTypes(catalog.BoardTypes());
    TRY(Connect());
    const uint64_t resident_before = ResidentKib();
    const Wall::time_point start = Wall::now();
    const double others_before = OtherThreadsSeconds();
    const size_t plans = cache_.plans();
    TRY(Submit({catalog, artifacts, cache_, {}}, spec, jobs));
    const uint64_t resident = ResidentKib() - resident_before;
    TRY(Drive());
    spent_.store += OtherThreadsSeconds() - others_before;
    Report(jobs, cache_.plans() - plans, resident,
           std::chrono::duration<double>(Wall::now() - start).count());
    return {};
  }

 private:
  Result<v1::CampaignSpec> Spec(ArtifactFolder& artifacts) {
    v1::CampaignSpec spec;
    for (size_t i = 0; i < kModels; ++i) {
      const char* name = i % 2 == 0 ? "digits_cnn.tflite" : "digits_ds.tflite";
      std::ifstream file(firmware_ / "zoo" / name, std::ios::binary);
      if (!file)
        return Status(Code::kNotFound, fmt::format("no {} in {}", name, firmware_.string()));
      std::string bytes{std::istreambuf_iterator<char>(file), {}};
      bytes.append(i, '\0');  // Another model, as far as its hash goes.
      v1::ArtifactRef& model = *spec.add_models();
      TRY_ASSIGN(const std::string sha256,
                 artifacts.Put(std::as_bytes(std::span(bytes.data(), bytes.size()))));
      model.set_sha256(sha256);
      model.set_name(fmt::format("model{}.tflite", i));
      model.set_size_bytes(bytes.size());
    }
    v1::VariantMatrix& variants = *spec.mutable_variants();
    for (const char* value : {"dsp", "reference"}) variants.add_kernels(value);
    for (const char* value : {"int8", "int16"}) variants.add_weights(value);
    for (const char* value : {"none", "file"}) variants.add_fusion(value);
    // reference kernels take int8 only.
    v1::Variant& exclude = *variants.add_exclude();
    exclude.set_kernels("reference");
    exclude.set_weights("int16");
    spec.add_board_types("fidelity == native");
    spec.mutable_vectors()->set_patterns("A");
    return spec;
  }

  Status Connect() {
    for (size_t first = 0; first < sessions_; first += kBoardsOfAgent) {
      const AgentId agent(fmt::format("bench{}", first / kBoardsOfAgent));
      std::vector<BoardReport> boards;
      for (size_t b = first; b < std::min(first + kBoardsOfAgent, sessions_); ++b) {
        boards.push_back({BoardId(fmt::format("n{:04}", b)), "native", "", {}});
        BoardRecord record;
        record.board_id = boards.back().id.value;
        record.board_type = "native";
        record.agent_id = agent.value;
        TRY(store_->SaveBoardIdentity(record));
      }
      scheduler_.AgentConnected(agent, boards, {});
    }
    return {};
  }

  Status Submit(const SubmissionContext& context, const v1::CampaignSpec& spec, size_t jobs) {
    for (size_t added = 0; added < jobs; ++campaigns_) {
      v1::SubmitCampaignRequest request;
      *request.mutable_spec() = spec;
      request.mutable_spec()->set_name(fmt::format("campaign {}", campaigns_));
      request.mutable_spec()->set_priority(static_cast<int32_t>(campaigns_ % 3));
      request.set_user(fmt::format("user{}", campaigns_ % kUsers));
      NewCampaign campaign;
      {
        const Stopwatch watch(campaigns_ == 0 ? spent_.planning : spent_.expansion);
        TRY_ASSIGN(campaign, PrepareCampaign(request, context));
      }
      Store::Added stored;
      {
        const Stopwatch watch(spent_.store);
        TRY_ASSIGN(stored, store_->AddCampaign(campaign, now_));
      }
      if (stored.queued.empty()) return {Code::kInternal, "no job of the campaign is feasible"};
      added += stored.queued.size();
      const Stopwatch watch(spent_.scheduling);
      for (QueuedJob& job : stored.queued) scheduler_.Enqueue(std::move(job));
    }
    return {};
  }

  struct Running {
    TimeUs end_us;
    Lease lease;
    bool operator<(const Running& other) const { return end_us > other.end_us; }
  };

  Status Offer(const std::vector<Lease>& leases) {
    const Stopwatch watch(spent_.offers);
    for (const Lease& lease : leases) {
      TRY_ASSIGN(const JobContext context, store_->LoadJob(lease.key.job));
      offered_bytes_ += MakeOffer(lease, context).ByteSizeLong();
    }
    return {};
  }

  EndedAttempt ResultOf(const Lease& lease) {
    EndedAttempt ended;
    ended.key = lease.key;
    ended.started_us = now_;
    ended.ended_us = now_;
    ended.next = v1::JOB_STATE_SUCCEEDED;
    for (int i = 0; i < 20; ++i) {
      v1::Measurement m;
      m.set_metric(fmt::format("metric{}", i));
      m.set_unit("B");
      m.set_method("simulated");
      m.set_value(static_cast<double>(random_() % 100'000));
      ended.measurements.push_back(std::move(m));
    }
    return ended;
  }

  // As in dispatcher_commit.cc: results, and the leases of the boards that they free.
  Status Commit(const std::vector<Running>& ended, std::vector<Lease>* leases) {
    std::vector<EndedAttempt> results;
    for (const Running& one : ended) results.push_back(ResultOf(one.lease));
    TRY_ASSIGN(Store::Group group, store_->BeginGroup());
    {
      const Stopwatch watch(spent_.store);
      for (const EndedAttempt& result : results) {
        TRY_ASSIGN(const Store::Outcome outcome, store_->EndAttempt(result, now_));
        if (outcome != Store::Outcome::kStored) return {Code::kInternal, "a result was not stored"};
      }
    }
    *leases = Schedule(ended);
    const Stopwatch watch(spent_.store);
    TRY(store_->AddLeases(*leases, now_));
    return group.Commit();
  }

  std::vector<Lease> Schedule(const std::vector<Running>& ended) {
    const Stopwatch watch(spent_.scheduling);
    for (const Running& one : ended) scheduler_.Finish(one.lease.key, now_);
    return scheduler_.Match(now_);
  }

  std::vector<Running> Arrived() {
    std::vector<Running> ended;
    while (!running_.empty() && running_.top().end_us <= now_ && ended.size() < kMaxOfCommit) {
      ended.push_back(running_.top());
      running_.pop();
    }
    return ended;
  }

  // A lease that began is offered now: how long its board had waited, and when its job will end.
  void Begin(const Lease& lease) {
    if (const auto freed = freed_us_.find(lease.board); freed != freed_us_.end()) {
      latency_ms_.push_back(static_cast<double>(now_ - freed->second) / kMs);
      freed_us_.erase(freed);
    }
    const auto more = static_cast<TimeUs>(random_() % static_cast<uint64_t>(job_us_));
    running_.push({now_ + job_us_ / 2 + more, lease});
  }

  // The io thread as one server: what arrives while it is busy waits for the next commit. The clock
  // of the simulation runs by the real time that this takes.
  Status Drive() {
    const TimeUs began = now_;
    do {
      if (!running_.empty()) now_ = std::max(now_, running_.top().end_us);
      const std::vector<Running> ended = Arrived();
      const Wall::time_point start = Wall::now();
      std::vector<Lease> begun;
      TRY(Commit(ended, &begun));
      TRY(Offer(begun));
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Wall::now() - start);
      busy_us_ += took.count();
      now_ += took.count();
      ++commits_;
      for (const Running& one : ended) freed_us_[one.lease.board] = one.end_us;
      for (const Lease& lease : begun) Begin(lease);
      decisions_ += begun.size();
    } while (!running_.empty());
    simulated_us_ = now_ - began;
    return {};
  }

  static double Percentile(std::vector<double>& values, double share) {
    const auto at = static_cast<size_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(at), values.end());
    return values[at];
  }

  void Report(size_t jobs, size_t plans, uint64_t resident_kib, double wall_s) {
    const double per = 100'000.0 / static_cast<double>(decisions_);
    fmt::print("{} jobs of {} campaigns, {} plans, {} decisions, {:.0f} s\n", jobs, campaigns_,
               plans, decisions_, wall_s);
    fmt::print(
        "  CPU per 100,000 decisions: expansion {:.2f} s, scheduling {:.2f} s; store {:.2f} "
        "s, offers {:.2f} s; planning once {:.2f} s\n",
        spent_.expansion * per, spent_.scheduling * per, spent_.store * per, spent_.offers * per,
        spent_.planning);
    const double share =
        static_cast<double>(busy_us_) / static_cast<double>(std::max<TimeUs>(simulated_us_, 1));
    fmt::print(
        "  from a result to the next offer: p50 {:.2f} ms, p99 {:.2f} ms, max {:.1f} ms; {:.0f} "
        "results/s, {:.1f} a commit, server busy {:.0f} %\n",
        Percentile(latency_ms_, 0.5), Percentile(latency_ms_, 0.99), Percentile(latency_ms_, 1),
        static_cast<double>(decisions_) * 1e6 / static_cast<double>(simulated_us_),
        static_cast<double>(decisions_) / static_cast<double>(commits_), share * 100);
    fmt::print("  memory of the queue: {} KiB, {:.0f} B a job\n", resident_kib,
               static_cast<double>(resident_kib) * 1024 / static_cast<double>(jobs));
    std::fflush(stdout);
  }

  const std::filesystem::path firmware_;
  const size_t sessions_;
  const TimeUs job_us_;
  const TempDir dir_;
  Store* store_ = nullptr;
  PlanCache cache_;
  Scheduler scheduler_{Fence(0)};
  std::mt19937_64 random_{7};
  std::priority_queue<Running> running_;
  std::map<BoardId, TimeUs> freed_us_;  // Boards without a lease, and since when.
  TimeUs now_ = 1'767'225'600'000'000;
  size_t campaigns_ = 0;
  size_t decisions_ = 0;
  size_t offered_bytes_ = 0;
  Spent spent_;
  size_t commits_ = 0;
  TimeUs busy_us_ = 0;
  TimeUs simulated_us_ = 0;
  std::vector<double> latency_ms_;
};

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path share = std::filesystem::path(argv[0]).parent_path() / "../share/tinyrig";
  size_t sessions = 1000;
  TimeUs job_us = 1000 * kMs;
  std::vector<size_t> sizes;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--share" && i + 1 < argc) {
      share = argv[++i];
    } else if (arg == "--sessions" && i + 1 < argc) {
      sessions = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--job-ms" && i + 1 < argc) {
      job_us = std::max<TimeUs>(std::strtoll(argv[++i], nullptr, 10), 1) * kMs;
    } else {
      sizes.push_back(std::strtoull(argv[i], nullptr, 10));
    }
  }
  if (sizes.empty()) sizes = {25'000, 50'000, 100'000};
  fmt::print("{} sessions, jobs of {} ms on average\n", sessions, job_us / kMs);
  for (const size_t jobs : sizes) {
    const Status status = Simulation(share, sessions, job_us).Run(jobs);
    if (status.ok()) continue;
    fmt::print(stderr, "{}\n", status.ToString());
    return 1;
  }
}
