#include "server/service/event_hub.h"

#include <algorithm>

namespace tinyrig::server {

void EventHub::Follow(CampaignId campaign, std::weak_ptr<Follower> follower) {
  const std::lock_guard lock(mutex_);
  followers_.emplace(campaign, std::move(follower));
}

std::vector<std::shared_ptr<EventHub::Follower>> EventHub::FollowersOf(CampaignId campaign) {
  std::vector<std::shared_ptr<Follower>> alive;
  auto [it, end] = followers_.equal_range(campaign);
  while (it != end) {
    if (auto follower = it->second.lock()) {
      alive.push_back(std::move(follower));
      ++it;
    } else {
      it = followers_.erase(it);
    }
  }
  return alive;
}

EventHub::Running& EventHub::RunningOf(CampaignId campaign, const LeaseKey& key) {
  Running& running = running_[key.job];
  if (running.key != key) {
    running = Running();
    running.key = key;
    running.campaign = campaign;
  }
  return running;
}

// Followers are woken outside the lock: they may call back.
void EventHub::Changed(CampaignId campaign) {
  std::vector<std::shared_ptr<Follower>> followers;
  {
    const std::lock_guard lock(mutex_);
    followers = FollowersOf(campaign);
  }
  for (const auto& follower : followers) follower->Wake();
}

void EventHub::Progress(CampaignId campaign, const LeaseKey& key, v1::CampaignEvent event) {
  {
    const std::lock_guard lock(mutex_);
    Running& running = RunningOf(campaign, key);
    running.sequence = ++sequence_;
    running.progress = std::move(event);
  }
  Changed(campaign);
}

void EventHub::Log(CampaignId campaign, const LeaseKey& key, LogEntry entry) {
  {
    const std::lock_guard lock(mutex_);
    Running& running = RunningOf(campaign, key);
    if (entry.text.empty() || running.log.size() >= kMaxLines) return;
    running.log.push_back(std::move(entry));
  }
  Changed(campaign);
}

void EventHub::SetNotes(std::map<CampaignId, std::string> notes, TimeUs now) {
  std::vector<CampaignId> changed;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(notes_, [&](const auto& entry) { return !notes.contains(entry.first); });
    for (auto& [campaign, text] : notes) {
      Note& note = notes_[campaign];
      if (note.event.detail() == text) continue;
      note.sequence = ++sequence_;
      note.event.set_state(v1::JOB_STATE_QUEUED);
      note.event.set_detail(std::move(text));
      note.event.set_time_us(now);
      changed.push_back(campaign);
    }
  }
  for (const CampaignId campaign : changed) Changed(campaign);
}

std::vector<LogEntry> EventHub::Ended(const LeaseKey& key) {
  const std::lock_guard lock(mutex_);
  const auto running = running_.find(key.job);
  if (running == running_.end() || running->second.key != key) return {};
  std::vector<LogEntry> log = std::move(running->second.log);
  running_.erase(running);
  return log;
}

std::vector<std::pair<uint64_t, v1::CampaignEvent>> EventHub::ProgressAfter(CampaignId campaign,
                                                                            uint64_t after) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<uint64_t, v1::CampaignEvent>> events;
  for (const auto& [job, running] : running_) {
    if (running.campaign == campaign && running.sequence > after) {
      events.emplace_back(running.sequence, running.progress);
    }
  }
  if (const auto note = notes_.find(campaign);
      note != notes_.end() && note->second.sequence > after) {
    events.emplace_back(note->second.sequence, note->second.event);
  }
  std::sort(events.begin(), events.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return events;
}

std::vector<LogEntry> EventHub::LiveLog(JobId job, uint32_t* attempt) {
  const std::lock_guard lock(mutex_);
  const auto running = running_.find(job);
  *attempt = running == running_.end() ? 0 : running->second.key.attempt;
  return *attempt == 0 ? std::vector<LogEntry>() : running->second.log;
}

}  // namespace tinyrig::server
