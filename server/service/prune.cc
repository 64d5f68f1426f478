#include <boost/asio/post.hpp>
#include <memory>

#include "server/service/store_care.h"
#include "server/store/care.h"

namespace tinyrig::server {
namespace {

/// So many jobs between two looks of the io thread at its other work: some milliseconds.
constexpr size_t kJobsOfPiece = 20;

/// One request; lives in the handlers that wait.
class PruneRun : public std::enable_shared_from_this<PruneRun> {
 public:
  using Done = std::function<void(Result<v1::PruneResponse>)>;

  PruneRun(const PruneParts& parts, const v1::PruneRequest& request, Done done)
      : parts_(parts), request_(request), done_(std::move(done)) {}

  void Start() {
    parts_.executors.Offload(
        [self = shared_from_this()] {
          return PlanPrune(self->parts_.database, self->request_.ended_before_us(),
                           self->request_.details_only());
        },
        [self = shared_from_this()](Result<PrunePlan> plan) {
          if (!plan.ok()) return self->done_(plan.status());
          self->plan_ = std::move(*plan);
          self->response_.set_campaigns(self->plan_.campaigns.size());
          if (!self->request_.dry_run()) return self->Forget();
          self->Count(self->plan_.counts);
          self->Sweep();
        });
  }

 private:
  void Count(const PruneCounts& counts) {
    response_.set_jobs(response_.jobs() + counts.jobs);
    response_.set_measurements(response_.measurements() + counts.measurements);
    response_.set_log_lines(response_.log_lines() + counts.log_lines);
  }

  /// On the io thread: a piece of a campaign, then others have their turn.
  void Forget() {
    if (parts_.cancelled()) return done_(Status(Code::kCancelled, "stopped before its end"));
    if (next_ == plan_.campaigns.size()) return Sweep();
    Result<Store::Forgotten> piece =
        parts_.store.Forget(plan_.campaigns[next_], after_, request_.details_only(), kJobsOfPiece);
    if (!piece.ok()) return done_(piece.status());
    Count(piece->counts);
    after_ = piece->last;
    if (piece->done) {
      ++next_;
      after_ = JobId(0);
    }
    boost::asio::post(parts_.executors.io, [self = shared_from_this()] { self->Forget(); });
  }

  struct Swept {
    std::vector<std::string> removed;
    uint64_t bytes = 0;
  };

  /// On the pool: files that nothing refers to.
  Result<Swept> FindUnused() const {
    const std::vector<CampaignId> gone =
        request_.dry_run() ? plan_.campaigns : std::vector<CampaignId>();
    TRY_ASSIGN(const std::vector<ArtifactFolder::Entry> entries, parts_.artifacts.List());
    TRY_ASSIGN(const std::set<std::string> kept,
               ReferencedArtifacts(parts_.database, gone, request_.details_only()));
    Swept swept;
    for (const ArtifactFolder::Entry& entry : entries) {
      if (!entry.removable || kept.contains(entry.sha256)) continue;
      bool removed = true;
      if (!request_.dry_run()) {
        TRY_ASSIGN(removed, parts_.artifacts.Remove(entry.sha256));
      }
      if (!removed) continue;
      swept.removed.push_back(entry.sha256);
      swept.bytes += entry.size_bytes;
    }
    return swept;
  }

  void Sweep() {
    parts_.executors.Offload(
        [self = shared_from_this()] { return self->FindUnused(); },
        [self = shared_from_this()](Result<Swept> swept) { self->Finish(std::move(swept)); });
  }

  void Finish(Result<Swept> swept) {
    if (!swept.ok()) return done_(swept.status());
    response_.set_artifacts(swept->removed.size());
    response_.set_artifact_bytes(swept->bytes);
    if (!request_.dry_run()) {
      const Status forgotten = parts_.store.ForgetArtifactNames(swept->removed);
      if (!forgotten.ok()) return done_(forgotten);
    }
    done_(std::move(response_));
  }

  const PruneParts parts_;
  const v1::PruneRequest request_;
  const Done done_;
  PrunePlan plan_;
  v1::PruneResponse response_;
  size_t next_ = 0;
  JobId after_;
};

}  // namespace

void Prune(const PruneParts& parts, const v1::PruneRequest& request,
           std::function<void(Result<v1::PruneResponse>)> done) {
  std::make_shared<PruneRun>(parts, request, std::move(done))->Start();
}

}  // namespace tinyrig::server
