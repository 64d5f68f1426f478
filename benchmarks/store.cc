// Grows a database through the store's own functions and times what is asked of it at each size.
// Usage: bench_store [MEASUREMENTS...], by default 100000 1000000 10000000. The folder is $TMPDIR.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "server/store/user_query.h"
#include "tests/unit/server/questions.h"
#include "tests/unit/server/store_filler.h"
#include "tests/unit/server/temp_dir.h"

namespace {

using namespace tinyrig;
using namespace tinyrig::server;
using Clock = std::chrono::steady_clock;

constexpr size_t kJobsOfCampaign = 2000;
constexpr size_t kResultsOfCommit = 64;
constexpr size_t kWaiting = 5000;
constexpr int kTimes = 5;

double Seconds(Clock::duration span) { return std::chrono::duration<double>(span).count(); }

struct Times {
  double wall_ms = 0;
  double cpu_ms = 0;  ///< Without neighbours on the machine.
};

/// The median of some runs, each on a new connection, as the API does it.
Result<Times> Ask(const std::filesystem::path& file, const std::string& sql) {
  std::vector<double> wall, cpu;
  for (int i = 0; i < kTimes; ++i) {
    const Clock::time_point start = Clock::now();
    const std::clock_t cpu_start = std::clock();
    TRY(RunUserQuery(file, sql, {}).status());
    cpu.push_back(1e3 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
    wall.push_back(Seconds(Clock::now() - start) * 1e3);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  return Times{wall[kTimes / 2], cpu[kTimes / 2]};
}

Status Grow(StoreFiller& filler, uint64_t measurements) {
  const uint64_t before = filler.measurements();
  const auto ending = filler.ending();
  const double ending_cpu_s = filler.ending_cpu_s();
  const Clock::time_point start = Clock::now();
  const std::clock_t cpu = std::clock();
  while (filler.measurements() < measurements) TRY(filler.AddCampaign());
  const auto added = static_cast<double>(filler.measurements() - before);
  fmt::print("insert, results alone, {} a commit: {:.0f} measurements/s, {:.0f} by CPU time\n",
             kResultsOfCommit, added / Seconds(filler.ending() - ending),
             added / (filler.ending_cpu_s() - ending_cpu_s));
  fmt::print("insert, with campaigns and leases: {:.0f} measurements/s, {:.0f} by CPU time\n",
             added / Seconds(Clock::now() - start),
             added / (static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC));
  return {};
}

Status Run(const std::vector<uint64_t>& sizes) {
  const TempDir dir;
  const std::filesystem::path file = dir.path() / "tinyrig.db";
  TRY_ASSIGN(Store store, Store::Open(file));
  StoreFiller filler(store, kJobsOfCampaign, kResultsOfCommit);
  TRY(filler.AddCampaign());
  TRY(filler.AddWaiting(kWaiting));
  for (const uint64_t size : sizes) {
    TRY(Grow(filler, size));
    fmt::print("size: {} measurements of {} jobs, {:.1f} MB\n", filler.measurements(),
               filler.jobs(), static_cast<double>(std::filesystem::file_size(file)) / 1e6);
    for (const Question& question : ReadQuestions(TINYRIG_SOURCE_DIR)) {
      TRY_ASSIGN(const Times times, Ask(file, question.sql));
      fmt::print("{:8.2f} ms, {:6.2f} ms of CPU  {}\n", times.wall_ms, times.cpu_ms,
                 question.title);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {100'000, 1'000'000, 10'000'000};
  const Status status = Run(sizes);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.ToString());
  return status.ok() ? 0 : 1;
}
