#pragma once

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "server/store/store.h"

namespace tinyrig::server {

/// Fills a store through its public functions with what a lab measures in a year: nightly campaigns
/// of 20 models in 8 variants on 4 board types, some failures, retries, reruns and profiles. The
/// same numbers with the same seed.
class StoreFiller {
 public:
  static constexpr size_t kMetricsOfJob = 25;

  StoreFiller(Store& store, size_t jobs_of_campaign, size_t group)
      : store_(store), jobs_of_campaign_(jobs_of_campaign), group_(group) {}

  /// One campaign, all of it ended.
  Status AddCampaign();
  /// One campaign that waits.
  Status AddWaiting(size_t jobs);

  uint64_t measurements() const { return measurements_; }
  uint64_t jobs() const { return jobs_; }
  /// Spent in Store::EndAttempt() and the commits of its groups.
  std::chrono::nanoseconds ending() const { return ending_; }
  /// The same in time of the CPU: what is left when neither disk nor neighbours are waited for.
  double ending_cpu_s() const { return ending_cpu_s_; }

 private:
  NewCampaign Campaign(size_t jobs);
  Status TakeLeases(const std::vector<QueuedJob>& jobs, uint32_t attempt,
                    std::vector<Lease>* leases);
  Status End(const std::vector<Lease>& leases, std::vector<QueuedJob>* again);
  std::shared_ptr<const CampaignTerms> terms_;  // Of the campaign that is being filled in.
  EndedAttempt Outcome(const Lease& lease, size_t index);

  Store& store_;
  const size_t jobs_of_campaign_;
  const size_t group_;
  std::mt19937_64 random_{17};
  TimeUs now_ = 1'767'225'600'000'000;  // 2026-01-01
  uint64_t fence_ = 0;
  uint64_t campaigns_ = 0;
  uint64_t jobs_ = 0;
  uint64_t measurements_ = 0;
  std::chrono::nanoseconds ending_{0};
  double ending_cpu_s_ = 0;
};

}  // namespace tinyrig::server
