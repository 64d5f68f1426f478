#include <fmt/chrono.h>
#include <spdlog/spdlog.h>

#include "server/service/dispatcher.h"

namespace tinyrig::server {

void Dispatcher::NoteStore(const Status& stored) {
  if (stored.ok()) return;
  if (store_trouble_.ok()) {
    spdlog::error("no job begins until results can be stored: {}", stored.message());
  }
  store_trouble_ = stored;
}

// A disk that fills up is seen before a result needs it; what refused a result is tried again.
void Dispatcher::LookAtStore() {
  Status now = store_.CheckRoom();
  if (now.ok() && !store_trouble_.ok() && !agents_.empty()) {
    now = store_.SaveAgent(agents_.begin()->second);
  }
  if (!now.ok()) return NoteStore(now);
  if (!store_trouble_.ok()) spdlog::info("results can be stored again");
  store_trouble_ = {};
}

void Dispatcher::GoByStore(JobId job) {
  scheduler_.Cancel(job, clock_.Now());
  Result<Store::Unfinished> known = store_.LoadUnfinished(job);
  if (known.ok() && !known->leased.empty()) {
    (void)EndLost(known->leased[0].second, "the server lost track of the attempt; it is repeated");
    known = store_.LoadUnfinished(job);
  }
  if (!known.ok() || !known->leased.empty()) {
    return spdlog::error(
        "job {} is left out until the server starts again: {}", job.value,
        known.ok() ? "its attempt cannot be ended; see 'tinyrig check'" : known.status().message());
  }
  for (QueuedJob& waiting : known->queued) scheduler_.Enqueue(std::move(waiting));
}

std::string Dispatcher::WhyAway(const AgentId& agent) const {
  std::string note = "its agent is not connected";
  if (const auto why = gone_.find(agent); why != gone_.end()) note += ": " + why->second;
  if (const auto known = agents_.find(agent); known != agents_.end()) {
    note += fmt::format("; last heard of {:%F %T} UTC",
                        fmt::gmtime(static_cast<time_t>(known->second.last_seen_us / 1'000'000)));
  }
  return note;
}

}  // namespace tinyrig::server
