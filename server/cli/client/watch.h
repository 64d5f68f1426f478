#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/client/client.h"

namespace tinyrig::cli {

/// Follows a campaign on a thread of its own and survives restarts of the server: it resumes after
/// the last event it saw, so none is lost or told twice.
class CampaignWatch {
 public:
  CampaignWatch(const Client& client, uint64_t campaign_id);
  /// Cancels the call and joins.
  ~CampaignWatch();
  CampaignWatch(const CampaignWatch&) = delete;
  CampaignWatch& operator=(const CampaignWatch&) = delete;

  /// What has happened since the last call, in order.
  std::vector<v1::CampaignEvent> Take();
  /// True when the campaign has ended or the watch failed, and Take() has nothing more.
  bool done() const;
  /// Why it failed; OK else. Servers that are away for more than 60 s end the watch (kUnavailable).
  Status status() const;
  /// True while the server is away.
  bool reconnecting() const;

 private:
  void Run();
  /// One call of WatchCampaign, until it ends.
  grpc::Status ReadStream();
  Result<bool> Ended() const;

  const Client client_;
  const uint64_t campaign_id_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  std::vector<v1::CampaignEvent> events_;
  uint64_t last_event_ = 0;
  bool stopping_ = false;
  bool done_ = false;
  bool reconnecting_ = false;
  Status status_;
  grpc::ClientContext* context_ = nullptr;  ///< Of the call in progress.
  std::thread thread_;
};

}  // namespace tinyrig::cli
