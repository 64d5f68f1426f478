#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/ids.h"
#include "server/store/records.h"

namespace tinyrig::server {

/// Wakes whoever follows a campaign or the log of a job, and holds what is not stored: the progress
/// of running attempts and their log lines so far. Thread safe.
class EventHub {
 public:
  /// Something that waits. Woken on any thread; a wake-up may come for nothing.
  class Follower {
   public:
    virtual void Wake() = 0;

   protected:
    ~Follower() = default;
  };

  /// Until the follower is destroyed.
  void Follow(CampaignId campaign, std::weak_ptr<Follower> follower);

  /// Something of the campaign was stored.
  void Changed(CampaignId campaign);
  /// A running attempt said where it is. `event` has no event_id.
  void Progress(CampaignId campaign, const LeaseKey& key, v1::CampaignEvent event);
  /// One line of a running attempt; bounded, the first lines are kept.
  void Log(CampaignId campaign, const LeaseKey& key, LogEntry entry);
  /// The attempt is over: returns its lines and forgets it.
  std::vector<LogEntry> Ended(const LeaseKey& key);

  /// Why jobs of these campaigns wait, for people; replaces all earlier notes. Followers are told
  /// what is new.
  void SetNotes(std::map<CampaignId, std::string> notes, TimeUs now);

  /// Notes, and latest progress of the campaign's running attempts, with its sequence number,
  /// greater than `after`. A note has no job.
  std::vector<std::pair<uint64_t, v1::CampaignEvent>> ProgressAfter(CampaignId campaign,
                                                                    uint64_t after);
  /// Lines so far of the running attempt of a job; `attempt` is set to its number, 0 when none
  /// runs.
  std::vector<LogEntry> LiveLog(JobId job, uint32_t* attempt);

 private:
  static constexpr size_t kMaxLines = 10'000;
  struct Running {
    LeaseKey key;
    CampaignId campaign;
    uint64_t sequence = 0;  // 0: no progress yet.
    v1::CampaignEvent progress;
    std::vector<LogEntry> log;
  };
  std::vector<std::shared_ptr<Follower>> FollowersOf(CampaignId campaign);
  Running& RunningOf(CampaignId campaign, const LeaseKey& key);

  std::mutex mutex_;
  std::multimap<CampaignId, std::weak_ptr<Follower>> followers_;
  std::map<JobId, Running> running_;
  struct Note {
    uint64_t sequence = 0;
    v1::CampaignEvent event;
  };
  std::map<CampaignId, Note> notes_;
  uint64_t sequence_ = 0;
};

}  // namespace tinyrig::server
