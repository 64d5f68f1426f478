#include "server/api/campaign_service.h"

#include <deque>

#include "server/api/ownership.h"
#include "server/api/pull_stream.h"
#include "server/api/unary.h"
#include "server/service/submission.h"

namespace tinyrig::server {
namespace {

// Stored events first, in order; then the progress of running attempts as it comes; ends with the
// campaign.
class WatchStream final : public PullStream<v1::CampaignEvent> {
 public:
  WatchStream(Backend& backend, CampaignId campaign, uint64_t after)
      : PullStream(backend), campaign_(campaign), last_event_(after) {}

  Step Next(v1::CampaignEvent* message, Status* status) override {
    if (events_.empty()) {
      const Result<bool> ended = Refill();
      if (!ended.ok() || (*ended && events_.empty())) {
        *status = ended.status();
        return Step::kEnd;
      }
    }
    if (!events_.empty()) {
      *message = std::move(events_.front());
      events_.pop_front();
      last_event_ = std::max(last_event_, message->event_id());
      return Step::kMessage;
    }
    return Step::kWait;
  }

 private:
  // Whether the campaign has ended is asked before its events are read: then none is missed.
  Result<bool> Refill() {
    constexpr uint32_t kBatch = 256;
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(const v1::Campaign campaign, reader->GetCampaign(campaign_));
    TRY_ASSIGN(std::vector<v1::CampaignEvent> stored,
               reader->Events(campaign_, last_event_, kBatch));
    events_.assign(std::make_move_iterator(stored.begin()), std::make_move_iterator(stored.end()));
    if (!events_.empty()) return campaign.ended();
    for (auto& [sequence, event] : backend_.hub.ProgressAfter(campaign_, last_progress_)) {
      last_progress_ = sequence;
      // Progress is not stored: whoever resumes after it resumes after the last stored event.
      event.set_event_id(last_event_);
      *event.mutable_counts() = campaign.counts();
      events_.push_back(std::move(event));
    }
    return campaign.ended();
  }

  const CampaignId campaign_;
  uint64_t last_event_;
  uint64_t last_progress_ = 0;
  std::deque<v1::CampaignEvent> events_;
};

}  // namespace

grpc::ServerUnaryReactor* CampaignServiceImpl::SubmitCampaign(
    grpc::CallbackServerContext* context, const v1::SubmitCampaignRequest* request,
    v1::Campaign* response) {
  return Admitted(context, backend_, request, [=, this](UnaryCall call) {
    const auto store = [this, call, response](Result<NewCampaign> prepared) mutable {
      if (!prepared.ok()) return call.Finish(prepared.status());
      prepared->user = call.caller().UserOr(prepared->user);
      Result<Store::Added> added = backend_.store.AddCampaign(*prepared, backend_.clock.Now());
      if (!added.ok()) return call.Finish(added.status());
      const CampaignId id = added->campaign;
      backend_.dispatcher.Enqueue(std::move(added->queued));
      boost::asio::post(backend_.executors.pool, [this, call, response, id]() mutable {
        const auto read = [&]() -> Status {
          TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
          return Fill(response, reader->GetCampaign(id));
        };
        call.Finish(Executors::Guarded(read));
      });
    };
    backend_.executors.Offload(
        [this, request]() -> Result<NewCampaign> {
          SubmissionContext submission{backend_.catalog, backend_.artifacts, backend_.plans, {}};
          {
            TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
            TRY_ASSIGN(submission.labels, reader->BoardLabels());
          }
          return PrepareCampaign(*request, submission);
        },
        store);
  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::GetCampaign(grpc::CallbackServerContext* context,
                                                           const v1::GetCampaignRequest* request,
                                                           v1::Campaign* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    return Fill(response, reader->GetCampaign(CampaignId(request->campaign_id())));
  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ListCampaigns(
    grpc::CallbackServerContext* context, const v1::ListCampaignsRequest* request,
    v1::ListCampaignsResponse* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    TRY_ASSIGN(PageOf<v1::Campaign> page, reader->ListCampaigns(request->page()));
    for (v1::Campaign& campaign : page.items) *response->add_campaigns() = std::move(campaign);
    response->set_next_page_token(page.next);
    return {};
  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::CancelCampaign(
    grpc::CallbackServerContext* context, const v1::CancelCampaignRequest* request,
    v1::Campaign* response) {
  return OnIo(context, backend_, request, [=, this](const Caller& caller) -> Status {
    const CampaignId campaign(request->campaign_id());
    TRY(MayChangeCampaign(backend_, caller, campaign));
    TRY_ASSIGN(const std::vector<JobId> jobs,
               backend_.store.CancelCampaign(campaign, backend_.clock.Now()));
    backend_.dispatcher.Cancelled(jobs, campaign);
    TRY_ASSIGN(const ReaderPool::Lent reader, backend_.readers.Borrow());
    return Fill(response, reader->GetCampaign(campaign));
  });
}

grpc::ServerWriteReactor<v1::CampaignEvent>* CampaignServiceImpl::WatchCampaign(
    grpc::CallbackServerContext* context, const v1::WatchCampaignRequest* request) {
  const CampaignId campaign(request->campaign_id());
  auto stream = std::make_shared<WatchStream>(backend_, campaign, request->after_event());
  backend_.hub.Follow(campaign, stream);
  return WatchStream::Start(context, request, std::move(stream));
}

}  // namespace tinyrig::server
