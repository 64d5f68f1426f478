#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/access.pb.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "proto/tinyrig/v1/jobs.pb.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/model/ids.h"
#include "server/store/candidates.h"
#include "server/store/page.h"
#include "server/store/service_counts.h"
#include "server/store/sqlite.h"
#include "server/store/store.h"

namespace tinyrig::server {

/// What to select of the ended jobs; 0 and empty mean all.
struct ResultFilter {
  CampaignId campaign;
  JobId job;
  std::string board_type;
  std::optional<v1::JobState> state;
  bool with_layers = false;
};

/// One read-only connection with the questions the API asks. Sees what was committed before each
/// call. Used by one thread at a time; ReaderPool lends them.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> Open(const std::filesystem::path& file);

  /// All kNotFound when there is no such thing.
  /// Names of the labels that boards have.
  Result<std::set<std::string>> BoardLabels();
  Result<v1::Campaign> GetCampaign(CampaignId campaign);
  Result<v1::Job> GetJob(JobId job);
  Result<JobContext> GetJobContext(JobId job) { return LoadJobContext(db_, job); }

  /// Newest first. kInvalidArgument for a token that no earlier page gave.
  Result<PageOf<v1::Campaign>> ListCampaigns(const v1::Page& page);
  /// Oldest first. `states` empty: all.
  Result<PageOf<v1::Job>> ListJobs(CampaignId campaign, const std::vector<v1::JobState>& states,
                                   const v1::Page& page);
  /// Ended jobs with what they found out, oldest first.
  Result<PageOf<v1::JobResult>> ListResults(const ResultFilter& filter, const v1::Page& page);
  /// All pages at once.
  Result<std::vector<v1::JobResult>> AllResults(const ResultFilter& filter);
  /// For fronts: see candidates.h.
  Status ForEachCandidate(const CandidateFilter& filter, const std::vector<std::string>& metrics,
                          const std::function<Status(const Candidate&)>& show) {
    return tinyrig::server::ForEachCandidate(db_, filter, metrics, show);
  }

  /// Up to `limit` events after `after`, oldest first.
  Result<std::vector<v1::CampaignEvent>> Events(CampaignId campaign, uint64_t after,
                                                uint32_t limit);
  /// Up to `limit` stored lines after the first `skip`, of all attempts in order.
  Result<std::vector<v1::LogLine>> Logs(JobId job, uint64_t skip, uint32_t limit);
  Result<ServiceCounts> Counts() { return CountService(db_); }
  /// Newest first; `user` empty: everybody's. store_access.cc
  Result<PageOf<v1::AuditEntry>> ListAudit(const std::string& user, const v1::Page& page);
  /// What Store::SaveFirmware() kept of a build; empty when it is not known.
  Result<std::string> FirmwareProvenance(const std::string& build_id);
  /// The job that this one repeats; 0 when it repeats none.
  Result<JobId> RerunOf(JobId job);
  /// SHA-256 of the raw result of the job's last attempt; empty when there is none.
  Result<std::string> RawResult(JobId job);

 private:
  explicit Reader(Database db) : db_(std::move(db)) {}
  Status FillAttempts(v1::Job* job);
  Status FillMeasurements(v1::JobResult* result);
  Status FillLayers(v1::JobResult* result);

  Database db_;
};

/// Lends readers to the threads of the pool. Thread safe.
class ReaderPool {
 public:
  explicit ReaderPool(std::filesystem::path file) : file_(std::move(file)) {}

  class Lent {
   public:
    Lent(ReaderPool* pool, std::unique_ptr<Reader> reader)
        : pool_(pool), reader_(std::move(reader)) {}
    ~Lent() {
      if (reader_) pool_->Return(std::move(reader_));
    }
    Lent(Lent&&) noexcept = default;
    Lent& operator=(Lent&&) = delete;
    Reader* operator->() const { return reader_.get(); }
    Reader& operator*() const { return *reader_; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };
  Result<Lent> Borrow();
  const std::filesystem::path& file() const { return file_; }

 private:
  void Return(std::unique_ptr<Reader> reader);

  std::filesystem::path file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Reader>> free_;
};

}  // namespace tinyrig::server
