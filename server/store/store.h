#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/access.pb.h"
#include "proto/tinyrig/v1/boards.pb.h"
#include "server/scheduling/scheduler.h"
#include "server/store/care.h"
#include "server/store/checkpointer.h"
#include "server/store/records.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {

/// The writer: the one connection that changes the database; used by one thread at a time. Every
/// public function is one transaction, on disk when it returns OK, and leaves no trace when it
/// fails. Readers have their own connections (reader.h).
class Store {
 public:
  /// Opens and migrates.
  static Result<Store> Open(const std::filesystem::path& file);
  Store(Store&&) = default;
  Store& operator=(Store&&) = delete;

  /// Several changes as one: none is on disk, and none may be told to anybody, before Commit()
  /// returned OK. Each is still done wholly or not at all. What a busy server saves is waiting for
  /// the disk: once a group, not once a change.
  class Group {
   public:
    ~Group();
    Group(Group&&) noexcept = default;
    Group& operator=(Group&&) = delete;
    Status Commit();

   private:
    friend class Store;
    Group(Store* store, Transaction transaction)
        : store_(store), transaction_(std::move(transaction)) {}
    Store* store_;
    Transaction transaction_;
    bool kept_ = false;
  };
  /// One at a time. The Store must not move while there is one.
  Result<Group> BeginGroup();

  /// Plans, expectations and jobs at once; infeasible jobs are ended from the start. The same
  /// idempotency key with the same spec gives the campaign of the first call (`created` false).
  /// Errors: kAlreadyExists when the key was used for another spec.
  struct Added {
    CampaignId campaign;
    bool created = false;
    std::vector<QueuedJob> queued;  ///< For the scheduler.
  };
  Result<Added> AddCampaign(const NewCampaign& campaign, TimeUs now);

  /// Records attempts before their offers leave. The fences are kept: they never fall, restarts
  /// included.
  Status AddLeases(std::span<const Lease> leases, TimeUs now);
  /// The offer was refused or never left: the attempt never was.
  Status DropLease(const Lease& lease, const std::string& reason, TimeUs now);

  /// Ends an attempt and moves its job. kStored: done now. kDuplicate: it was done before, nothing
  /// changed. kStale: the attempt is not this job's running one under this fence (cancelled,
  /// expired, taken over), nothing changed.
  enum class Outcome { kStored, kDuplicate, kStale };
  Result<Outcome> EndAttempt(const EndedAttempt& ended, TimeUs now);

  /// A waiting job ends as failed: by `failure`, or by that of its last attempt. `why` and what
  /// earlier attempts saw become evidence. Nothing happens to a job in another state. kNotFound:
  /// neither failure nor attempt.
  Status EndWaiting(JobId job, const std::string& why, std::optional<v1::Failure> failure,
                    TimeUs now);

  /// Queued and leased jobs become cancelled; others stay as they are. Returns the jobs that
  /// changed.
  Result<std::vector<JobId>> CancelCampaign(CampaignId campaign, TimeUs now);
  /// False when it had ended already. kNotFound.
  Result<bool> CancelJob(JobId job, TimeUs now);

  /// A new job of the same campaign with plan, image and expectations of an ended one: what is run
  /// is the same to the last bit. The same key gives the same new job (`created` false). Errors:
  /// kNotFound; kFailedPrecondition when the job has not ended or never had an image.
  struct Rerun {
    QueuedJob job;
    bool created = false;
  };
  Result<Rerun> RerunJob(JobId job, const std::string& idempotency_key, TimeUs now);

  /// Takes `limit` jobs of an ended campaign away, the newest first, from below `after` (0: from
  /// the end); when none is left the campaign itself. `details_only`: only logs, layers, events and
  /// the names of raw results. `done`: nothing is left to do, or the campaign runs again.
  struct Forgotten {
    PruneCounts counts;
    JobId last;  ///< `after` of the next call.
    bool done = false;
  };
  Result<Forgotten> Forget(CampaignId campaign, JobId after, bool details_only, size_t limit);
  Status ForgetArtifactNames(const std::vector<std::string>& sha256s);
  /// Whether its disk has room for what jobs bring; see CheckRoom() of proto/disk.
  Status CheckRoom() const;

  Status SaveAgent(const AgentRecord& agent);
  /// Identity and labels of a board; an empty uid or serial does not erase a known one.
  Status SaveBoardIdentity(const BoardRecord& board);
  Result<std::vector<ReferenceRecord>> LoadReferences();
  /// Health, maintenance and reservation of a board that is known.
  Status SaveBoardState(const BoardRecord& board);
  /// JSON of Bundle::provenance. The first word on a build stays.
  Status SaveFirmware(const std::string& build_id, const std::string& provenance);
  Status SaveArtifactName(const std::string& sha256, const std::string& name, uint64_t size_bytes,
                          TimeUs now);

  /// For the start: what was under way when the server ended.
  struct Unfinished {
    Fence last_fence;
    std::vector<QueuedJob> queued;
    std::vector<std::pair<QueuedJob, Lease>> leased;
  };
  Result<Unfinished> LoadUnfinished();
  /// The same of one job: nothing when it ended or is not there any more.
  Result<Unfinished> LoadUnfinished(JobId job);
  /// All agents are disconnected now; returns the boards that are known.
  Result<std::vector<BoardRecord>> LoadBoards();

  Result<std::vector<AgentRecord>> LoadAgents();

  /// The same key gives the same window (`created` false).
  struct AddedWindow {
    uint64_t id = 0;
    bool created = false;
  };
  Result<AddedWindow> AddWindow(const v1::MaintenanceWindow& window,
                                const std::string& idempotency_key, TimeUs now);
  Status RemoveWindow(uint64_t id);
  Result<std::vector<v1::MaintenanceWindow>> LoadWindows();

  Result<JobContext> LoadJob(JobId job);

  // store_access.cc
  /// A token by the hash of its secret; gives it its number. kAlreadyExists: the name was used,
  /// also by one that was revoked since.
  Result<v1::Token> AddToken(v1::Token token, const std::string& secret_sha256);
  /// kNotFound when there is none in force of this name.
  Status RevokeToken(const std::string& name, TimeUs now);
  Status SaveTokenUse(uint64_t token_id, TimeUs last_used_us);
  struct StoredToken {
    v1::Token token;
    std::string secret_sha256;
  };
  Result<std::vector<StoredToken>> LoadTokens();
  Status AddAudit(const v1::AuditEntry& entry);
  /// Whether a transaction can begin; changes nothing.
  Status CheckWritable();

  /// The file may not grow beyond so many pages: what a full disk looks like.
  Status LimitPagesForTest(uint32_t pages) {
    return db_.Execute("PRAGMA max_page_count=" + std::to_string(pages));
  }

 private:
  Store(Database db, std::unique_ptr<Checkpointer> checkpointer)
      : db_(std::move(db)), checkpointer_(std::move(checkpointer)) {}

  Result<Unfinished> LoadUnfinished(std::string_view which, JobId job);
  Result<std::shared_ptr<const CampaignTerms>> LoadTerms(CampaignId campaign);
  Result<std::optional<PlanId>> FindPlan(const PlanRecord& plan);
  Result<PlanId> SavePlan(const PlanRecord& plan);
  Result<int64_t> SaveExpected(const ExpectedRecord& expected, TimeUs now);
  /// Numbers for the metrics and methods, committed before the transaction that uses them.
  Status LearnWords(const std::vector<v1::Measurement>& measurements);
  Status SaveMeasurements(JobId job, uint32_t attempt,
                          const std::vector<v1::Measurement>& measurements);
  Status SaveLayers(JobId job, const std::vector<v1::LayerHash>& layers);
  Status SaveLog(JobId job, uint32_t attempt, const std::vector<LogEntry>& log);
  struct Change {
    CampaignId campaign;
    JobId job;
    v1::JobState from;
    v1::JobState to;
    std::string detail;
    std::string board_id;
    uint32_t attempt = 0;
  };
  Status MoveJob(const Change& change, TimeUs now);
  /// Keeps what the first good board counted; a later one changes nothing.
  Status SaveReference(const ReferenceRecord& reference, TimeUs now);
  // store_prune.cc
  Result<uint64_t> DeleteOf(std::string_view table, const std::string& jobs);
  Status DeleteJobs(CampaignId campaign, const std::string& jobs);
  // store_answers.cc
  Status UpdateSeries(JobId job, const std::vector<v1::Measurement>& measurements, TimeUs now);
  Status SaveFront(CampaignId campaign, TimeUs now);
  Status SaveMissingFronts();
  Result<std::vector<JobId>> CancelJobs(std::string_view where, uint64_t id, TimeUs now);

  Database db_;
  std::unique_ptr<Checkpointer> checkpointer_;  // Of db_, which outlives it.
  std::map<std::string, int64_t> metric_ids_;
  std::map<std::string, int64_t> method_ids_;
};

/// Shared by writer and readers. kNotFound when there is no such job.
Result<JobContext> LoadJobContext(Database& db, JobId job);

}  // namespace tinyrig::server
