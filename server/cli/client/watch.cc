#include "server/cli/client/watch.h"

#include <fmt/format.h>

#include <chrono>

namespace tinyrig::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kAway{60};
constexpr std::chrono::milliseconds kRetry{500};

}  // namespace

CampaignWatch::CampaignWatch(const Client& client, uint64_t campaign_id)
    : client_(client), campaign_id_(campaign_id), thread_([this] { Run(); }) {}

CampaignWatch::~CampaignWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
    stopped_.notify_all();
  }
  thread_.join();
}

std::vector<v1::CampaignEvent> CampaignWatch::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

bool CampaignWatch::done() const {
  const std::lock_guard lock(mutex_);
  return done_ && events_.empty();
}

Status CampaignWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool CampaignWatch::reconnecting() const {
  const std::lock_guard lock(mutex_);
  return reconnecting_;
}

grpc::Status CampaignWatch::ReadStream() {
  grpc::ClientContext context;
  v1::WatchCampaignRequest request;
  request.set_campaign_id(campaign_id_);
  v1::CampaignService::Stub stub(client_.channel());
  std::unique_ptr<grpc::ClientReader<v1::CampaignEvent>> reader;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return grpc::Status::CANCELLED;
    context_ = &context;
    request.set_after_event(last_event_);
  }
  reader = stub.WatchCampaign(&context, request);
  for (v1::CampaignEvent event; reader->Read(&event);) {
    const std::lock_guard lock(mutex_);
    reconnecting_ = false;
    if (event.event_id() != 0 && event.event_id() <= last_event_) continue;
    last_event_ = std::max(last_event_, event.event_id());
    events_.push_back(event);
  }
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  return reader->Finish();
}

Result<bool> CampaignWatch::Ended() const {
  v1::GetCampaignRequest request;
  request.set_campaign_id(campaign_id_);
  TRY_ASSIGN(const v1::Campaign campaign,
             client_.Call(&v1::CampaignService::Stub::GetCampaign, request,
                          fmt::format("campaign {}", campaign_id_)));
  return campaign.ended();
}

void CampaignWatch::Run() {
  Clock::time_point last_answer = Clock::now();
  while (true) {
    const uint64_t seen = last_event_;
    const grpc::Status ended = ReadStream();
    // A stream that ends well may still be the shutdown of a server in good order.
    const Result<bool> over = Ended();
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    const bool away = !over.ok() && (over.status().code() == Code::kUnavailable ||
                                     over.status().code() == Code::kDeadlineExceeded);
    if (over.ok() || last_event_ != seen) last_answer = Clock::now();
    const bool final_error = over.ok() && !*over && !ended.ok() &&
                             ended.error_code() != grpc::StatusCode::UNAVAILABLE &&
                             ended.error_code() != grpc::StatusCode::CANCELLED;
    if (final_error) status_ = FromGrpc(ended, fmt::format("watching campaign {}", campaign_id_));
    if (!over.ok() && (!away || Clock::now() - last_answer > kAway)) status_ = over.status();
    if (!status_.ok() || (over.ok() && *over)) {
      done_ = true;
      return;
    }
    reconnecting_ = away;
    stopped_.wait_for(lock, kRetry, [this] { return stopping_; });
    if (stopping_) return;
  }
}

}  // namespace tinyrig::cli
