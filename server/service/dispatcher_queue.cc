#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <ctime>

#include "server/service/dispatcher.h"

// What keeps jobs waiting: windows, drain, boards that cannot; and what ends the waiting.
namespace tinyrig::server {
namespace {

constexpr size_t kMaxBoardsNamed = 5;

std::string TimeText(TimeUs us) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(static_cast<std::time_t>(us / 1'000'000)));
}

v1::Failure TimedOut(const CampaignTerms& terms) {
  v1::Failure failure;
  failure.set_owner(v1::FAILURE_OWNER_SERVICE);
  failure.set_code(static_cast<uint32_t>(Code::kDeadlineExceeded));
  failure.set_message(
      fmt::format("no board took the job within {} s (queue_timeout_s); attach more boards, or "
                  "submit with a longer timeout",
                  terms.queue_timeout_us / 1'000'000));
  return failure;
}

}  // namespace

void Dispatcher::EndTimedOut() {
  for (const JobId id : scheduler_.queue().TimedOut(clock_.Now())) {
    const CampaignTerms terms = *scheduler_.queue().Find(id)->terms;
    const Status stored = store_.EndWaiting(id, WhyWaits(id), TimedOut(terms), clock_.Now());
    if (!stored.ok()) {
      spdlog::error("job {}: {}", id.value, stored.message());
      continue;
    }
    scheduler_.Cancel(id, clock_.Now());
    spdlog::info("job {} waited too long", id.value);
    hub_.Changed(terms.campaign);
  }
}

// Empty when it can take ordinary jobs now or when the one it has is over.
std::string Dispatcher::WhyIdle(const BoardView& board, TimeUs timeout_us) const {
  const TimeUs now = clock_.Now();
  if (!board.online) return "its agent is not connected";
  if (!board.broken.empty()) return board.broken;
  if (board.maintenance) {
    return fmt::format("is in maintenance{}{}", board.maintenance_reason.empty() ? "" : ": ",
                       board.maintenance_reason);
  }
  if (board.condition.health == v1::BOARD_HEALTH_QUARANTINED) {
    return "is quarantined: " + board.condition.reason;
  }
  if (!board.reserved_by.empty() && board.reserved_until_us > now) {
    return fmt::format("is reserved by {} until {}", board.reserved_by,
                       TimeText(board.reserved_until_us));
  }
  if (scheduler_.Draining(board)) return WhyDraining(board.agent);
  const Scheduler::NextWindow next = scheduler_.NextWindowOf(board, now);
  if (next.window != nullptr && next.until_us < timeout_us + Scheduler::kGraceUs) {
    return fmt::format("{} maintenance window {}{}{}",
                       next.until_us == 0 ? "is in" : "is too near to", next.window->id,
                       next.window->reason.empty() ? "" : ": ", next.window->reason);
  }
  return {};
}

// Empty unless everything that is connected for this type is quarantined.
std::string Dispatcher::AllQuarantined(const std::string& board_type) const {
  std::vector<std::string> quarantined;
  for (const auto& [id, board] : scheduler_.boards()) {
    if (board.type != board_type || !board.online) continue;
    if (board.condition.health != v1::BOARD_HEALTH_QUARANTINED) return {};
    quarantined.push_back(fmt::format("{} ({})", id.value, board.condition.reason));
  }
  if (quarantined.empty()) return {};
  return fmt::format(
      "jobs wait: every connected board of type {} is quarantined: {}; mend one, then: tinyrig "
      "board recover BOARD",
      board_type, fmt::join(quarantined, "; "));
}

std::string Dispatcher::WhyNobodyTakes(const std::string& board_type,
                                       const CampaignTerms& terms) const {
  std::vector<std::string> reasons;
  size_t boards = 0;
  for (const auto& [id, board] : scheduler_.boards()) {
    if (board.type != board_type) continue;
    if (terms.boards && !scheduler_.Matches(board, *terms.boards)) continue;
    const std::string why = WhyIdle(board, terms.timeout_us);
    if (why.empty()) return {};
    if (++boards <= kMaxBoardsNamed) reasons.push_back(fmt::format("{} ({})", id.value, why));
  }
  const std::string which =
      terms.boards ? fmt::format("type {} that is '{}'", board_type, terms.boards->text())
                   : "type " + board_type;
  if (boards == 0) {
    return fmt::format("jobs wait: there is no board of {}; attach one, or cancel", which);
  }
  if (boards > kMaxBoardsNamed)
    reasons.push_back(fmt::format("and {} more", boards - kMaxBoardsNamed));
  return fmt::format("jobs wait: no board of {} can take them: {}", which,
                     fmt::join(reasons, "; "));
}

std::string Dispatcher::WhyWaits(JobId job) const {
  const QueuedJob* waiting = scheduler_.queue().Find(job);
  return waiting == nullptr ? "" : WhyNobodyTakes(waiting->board_type, *waiting->terms);
}

// A job that failed on these boards before has its verdict: nobody is there to hear another. One
// that never ran waits, and says so.
void Dispatcher::GiveUp(const JobQueue::WaitingCampaign& campaign, const std::string& why) {
  for (const JobId job : campaign.spoiled) {
    const Status stored = store_.EndWaiting(job, why, std::nullopt, clock_.Now());
    if (!stored.ok()) {
      spdlog::error("job {}: {}", job.value, stored.message());
      continue;
    }
    scheduler_.Cancel(job, clock_.Now());
    spdlog::info("job {} has failed: {}", job.value, why);
    hub_.Changed(campaign.terms->campaign);
  }
}

void Dispatcher::TellWhoWaits() {
  std::map<CampaignId, std::string> notes;
  for (const auto& [type, jobs] : scheduler_.queue().Waiting()) {
    const std::string quarantined = AllQuarantined(type);
    std::optional<std::string> of_any;  // The same for all that name no single boards.
    for (const JobQueue::WaitingCampaign& campaign : scheduler_.queue().WaitingFor(type)) {
      std::string why = quarantined;
      if (!quarantined.empty()) {
        GiveUp(campaign, quarantined);
      } else if (campaign.terms->boards) {
        why = WhyNobodyTakes(type, *campaign.terms);
      } else {
        if (!of_any) of_any = WhyNobodyTakes(type, *campaign.terms);
        why = *of_any;
      }
      if (!why.empty()) notes[campaign.terms->campaign] = why;
    }
  }
  hub_.SetNotes(std::move(notes), clock_.Now());
}

std::string Dispatcher::WhyDraining(const AgentId& agent) const {
  if (scheduler_.draining()) return "the server is in drain: it takes no new jobs";
  const auto found = agents_.find(agent);
  const std::string reason = found == agents_.end() ? "" : found->second.drain_reason;
  return fmt::format("its bench is in drain{}{}", reason.empty() ? "" : ": ", reason);
}

void Dispatcher::SetDrain(bool drain) {
  scheduler_.SetDrain(drain);
  spdlog::info("drain {}", drain ? "begins: no new jobs are offered" : "ends");
  MatchAndOffer();
}

Result<v1::Agent> Dispatcher::SetAgentDrain(const v1::SetAgentDrainRequest& request) {
  const AgentId id(request.agent_id());
  const auto found = agents_.find(id);
  if (found == agents_.end()) {
    return Status(Code::kNotFound,
                  fmt::format("there is no agent '{}'; list agents to find its name", id.value));
  }
  AgentRecord changed = found->second;
  changed.connected = sessions_.contains(id);
  changed.draining = request.drain();
  changed.drain_reason = request.drain() ? request.reason() : "";
  TRY(store_.SaveAgent(changed));
  found->second = changed;
  if (const auto session = sessions_.find(id); session != sessions_.end()) {
    session->second.agent.draining = changed.draining;
    session->second.agent.drain_reason = changed.drain_reason;
  }
  scheduler_.SetAgentDrain(id, request.drain());
  MatchAndOffer();
  return Describe(changed);
}

Status Dispatcher::LoadWindows() {
  TRY_ASSIGN(windows_, store_.LoadWindows());
  std::vector<Window> windows;
  for (const v1::MaintenanceWindow& window : windows_) {
    const std::string expression = window.expression();
    TRY_ASSIGN(Expression boards, ParseBoards(std::span(&expression, 1)));
    windows.push_back({window.window_id(), std::move(boards), window.start_us(),
                       window.duration_us(), window.every_us(), window.reason(), window.user()});
  }
  scheduler_.SetWindows(std::move(windows));
  return {};
}

Result<v1::MaintenanceWindow> Dispatcher::AddWindow(const v1::AddWindowRequest& request) {
  const v1::MaintenanceWindow& window = request.window();
  const auto invalid = [](const std::string& what) {
    return Status(Code::kInvalidArgument, "window: " + what);
  };
  const std::string expression = window.expression();
  TRY(ParseBoards(std::span(&expression, 1)).status().WithContext("window"));
  if (window.start_us() <= 0) return invalid("it needs a start");
  if (window.duration_us() <= 0) return invalid("it needs a duration of more than nothing");
  if (window.every_us() < 0) return invalid("it cannot come again every less than nothing");
  if (window.every_us() != 0 && window.every_us() <= window.duration_us()) {
    return invalid("it would cover all time: it lasts as long as the time after which it returns");
  }
  if (window.every_us() == 0 && window.start_us() + window.duration_us() <= clock_.Now()) {
    return invalid("it is over already");
  }
  TRY_ASSIGN(const Store::AddedWindow added,
             store_.AddWindow(window, request.idempotency_key(), clock_.Now()));
  TRY(LoadWindows());
  return FindWindow(added.id);
}

Result<PageOf<v1::MaintenanceWindow>> Dispatcher::ListWindows(
    const v1::ListWindowsRequest& request) const {
  TRY_ASSIGN(const uint64_t after, PageStart(request.page(), 0));
  PageOf<v1::MaintenanceWindow> page;
  for (const v1::MaintenanceWindow& window : windows_) {
    if (window.window_id() <= after) continue;
    if (page.items.size() == PageSize(request.page())) {
      page.next = std::to_string(page.items.back().window_id());
      break;
    }
    page.items.push_back(window);
  }
  return page;
}

Result<v1::MaintenanceWindow> Dispatcher::FindWindow(uint64_t id) const {
  for (const v1::MaintenanceWindow& window : windows_) {
    if (window.window_id() == id) return window;
  }
  return Status(Code::kNotFound,
                fmt::format("there is no maintenance window {}; list them to find its number", id));
}

Result<v1::MaintenanceWindow> Dispatcher::RemoveWindow(uint64_t id) {
  TRY_ASSIGN(v1::MaintenanceWindow window, FindWindow(id));
  TRY(store_.RemoveWindow(id));
  TRY(LoadWindows());
  MatchAndOffer();
  return window;
}

}  // namespace tinyrig::server
