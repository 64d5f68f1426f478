#include "server/api/job_service.h"

#include <deque>

#include "server/api/ownership.h"
#include "server/api/pull_stream.h"
#include "server/api/unary.h"
#include "server/model/names.h"
#include "server/service/manifest.h"
#include "server/service/rerun.h"

namespace tinyrig::server {
namespace {

// Stored lines, then those of the running attempt as they come. The lines of an attempt that were
// sent live are not sent again when they are stored; they are stored in the same order, so that a
// line has one number, live and stored.
class LogStream final : public PullStream<v1::LogLine> {
 public:
  LogStream(Backend& backend, const v1::StreamLogsRequest& request)
      : PullStream(backend),
        job_(request.job_id()),
        follow_(request.follow()),
        after_line_(request.after_line()) {}

  Step Next(v1::LogLine* message, Status* status) override {
    if (lines_.empty()) {
      const Result<bool> over = Refill();
      if (!over.ok() || (*over && lines_.empty())) {
        *status = over.status();
        return Step::kEnd;
      }
    }
    if (lines_.empty()) return Step::kWait;
    *message = std::move(lines_.front());
    lines_.pop_front();
    return Step::kMessage;
  }

 private:
  Result<bool> Refill() {
    constexpr uint32_t kBatch = 512;
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(v1::Job job, reader->GetJob(job_));
    if (!following_ && follow_) {
      backend_.hub.Follow(CampaignId(job.campaign_id()), this->weak_from_this());
      following_ = true;
      // Asked again: it may have ended before anybody listened.
      TRY_ASSIGN(job, reader->GetJob(job_));
    }
    for (;;) {
      TRY_ASSIGN(std::vector<v1::LogLine> stored, reader->Logs(job_, stored_seen_, kBatch));
      if (stored.empty()) break;
      for (v1::LogLine& line : stored) {
        line.set_line(++stored_seen_);
        if (line.attempt() > live_attempt_) Add(std::move(line));
      }
      if (!lines_.empty()) return false;
    }
    AppendLive();
    return !follow_ || IsEnded(job.state());
  }

  void AppendLive() {
    uint32_t attempt = 0;
    const std::vector<LogEntry> live = backend_.hub.LiveLog(job_, &attempt);
    if (attempt == 0) return;
    if (attempt != live_attempt_) live_seen_ = 0;
    live_attempt_ = attempt;
    for (; live_seen_ < live.size(); ++live_seen_) {
      v1::LogLine line;
      line.set_time_us(live[live_seen_].time_us);
      line.set_attempt(attempt);
      line.set_text(live[live_seen_].text);
      line.set_line(stored_seen_ + live_seen_ + 1);
      Add(std::move(line));
    }
  }

  void Add(v1::LogLine line) {
    if (line.line() > after_line_) lines_.push_back(std::move(line));
  }

  const JobId job_;
  const bool follow_;
  const uint64_t after_line_;
  bool following_ = false;
  uint64_t stored_seen_ = 0;
  uint32_t live_attempt_ = 0;
  size_t live_seen_ = 0;
  std::deque<v1::LogLine> lines_;
};

}  // namespace

grpc::ServerUnaryReactor* JobServiceImpl::GetJob(grpc::CallbackServerContext* context,
                                                 const v1::GetJobRequest* request,
                                                 v1::Job* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    return Fill(response, reader->GetJob(JobId(request->job_id())));
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                   const v1::ListJobsRequest* request,
                                                   v1::ListJobsResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    std::vector<v1::JobState> states;
    for (const int state : request->states()) states.push_back(static_cast<v1::JobState>(state));
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(PageOf<v1::Job> page,
               reader->ListJobs(CampaignId(request->campaign_id()), states, request->page()));
    for (v1::Job& job : page.items) *response->add_jobs() = std::move(job);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                    const v1::CancelJobRequest* request,
                                                    v1::Job* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    const JobId id(request->job_id());
    TRY(MayChangeJob(backend_, caller, id));
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(const JobContext job, reader->GetJobContext(id));
    TRY_ASSIGN(const bool changed, backend_.store.CancelJob(id, backend_.clock.Now()));
    // Nothing that may fail lies between: the scheduler must not keep a job that is cancelled.
    if (changed) backend_.dispatcher.Cancelled({id}, job.campaign);
    TRY_ASSIGN(*response, reader->GetJob(id));
    return {};
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::RerunJob(grpc::CallbackServerContext* context,
                                                   const v1::RerunJobRequest* request,
                                                   v1::Job* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    TRY(MayChangeJob(backend_, caller, JobId(request->job_id())));
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY(CheckRerun(*reader, backend_.artifacts, JobId(request->job_id())));
    TRY_ASSIGN(Store::Rerun rerun,
               backend_.store.RerunJob(JobId(request->job_id()), request->idempotency_key(),
                                       backend_.clock.Now()));
    const JobId id = rerun.job.job;
    const CampaignId campaign = rerun.job.terms->campaign;
    if (rerun.created) backend_.dispatcher.Enqueue({std::move(rerun.job)});
    backend_.hub.Changed(campaign);
    return Fill(response, reader->GetJob(id));
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::GetManifest(grpc::CallbackServerContext* context,
                                                      const v1::GetManifestRequest* request,
                                                      v1::Manifest* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(const std::string json,
               MakeManifest(*reader, backend_.artifacts, JobId(request->job_id())));
    response->set_json(json);
    return {};
  });
}

grpc::ServerWriteReactor<v1::LogLine>* JobServiceImpl::StreamLogs(
    grpc::CallbackServerContext* context, const v1::StreamLogsRequest* request) {
  return LogStream::Start(context, request, std::make_shared<LogStream>(backend_, *request));
}

}  // namespace tinyrig::server
