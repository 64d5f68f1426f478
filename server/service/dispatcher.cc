#include "server/service/dispatcher.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/model/names.h"
#include "server/scheduling/retry.h"
#include "server/service/agent_messages.h"

namespace tinyrig::server {
namespace {

// Of the choice among equal boards: fixed, so that the same events give the same choices.
constexpr uint64_t kBoardSeed = 38037;

v1::ServerMessage CancelMessage(const LeaseKey& key, const std::string& reason) {
  v1::ServerMessage message;
  *message.mutable_cancel()->mutable_key() = ToProto(key);
  message.mutable_cancel()->set_reason(reason);
  return message;
}

std::vector<BoardReport> Reports(const google::protobuf::RepeatedPtrField<v1::AgentBoard>& boards) {
  std::vector<BoardReport> reports;
  for (const v1::AgentBoard& board : boards) {
    if (!board.board_id().empty())
      reports.push_back(
          {BoardId(board.board_id()), board.board_type(), board.broken(), LabelsOf(board)});
  }
  return reports;
}

}  // namespace

Dispatcher::Dispatcher(Executors executors, const Clock& clock, Store& store, EventHub& hub,
                       Judge& judge, ReferenceJobs references, ReferencePolicy policy,
                       std::vector<v1::BoardType> board_types, std::string instance_id)
    : executors_(executors),
      clock_(clock),
      store_(store),
      hub_(hub),
      judge_(judge),
      references_(std::move(references)),
      policy_(policy),
      board_types_(std::move(board_types)),
      instance_id_(std::move(instance_id)),
      timer_(executors.io) {}

Status Dispatcher::Start() {
  TRY_ASSIGN(Store::Unfinished unfinished, store_.LoadUnfinished());
  TRY_ASSIGN(const std::vector<BoardRecord> boards, store_.LoadBoards());
  TRY_ASSIGN(const std::vector<AgentRecord> agents, store_.LoadAgents());
  TRY_ASSIGN(std::vector<ReferenceRecord> counts, store_.LoadReferences());
  for (ReferenceRecord& count : counts) {
    const std::pair key(count.board_type, count.image_sha256);
    expected_counts_[key] = std::move(count);
  }
  scheduler_ = Scheduler(unfinished.last_fence, kBoardSeed);
  scheduler_.SetBoardTypes(board_types_);
  scheduler_.SetReferenceTypes(references_.Types());
  for (const AgentRecord& agent : agents) {
    agents_[AgentId(agent.agent_id)] = agent;
    scheduler_.SetAgentDrain(AgentId(agent.agent_id), agent.draining);
  }
  TRY(LoadWindows());
  for (const BoardRecord& board : boards) {
    BoardView view;
    view.id = BoardId(board.board_id);
    view.type = board.board_type;
    view.agent = AgentId(board.agent_id);
    view.labels = board.labels;
    view.condition = board.condition;
    view.maintenance = board.maintenance;
    view.maintenance_reason = board.maintenance_reason;
    view.reserved_by = board.reserved_by;
    view.reserve_reason = board.reserve_reason;
    view.reserved_until_us = board.reserved_until_us;
    board_records_[view.id] = board;
    scheduler_.RestoreBoard(std::move(view));
  }
  for (auto& [job, lease] : unfinished.leased)
    scheduler_.RestoreLease(std::move(job), std::move(lease));
  for (QueuedJob& job : unfinished.queued) scheduler_.Enqueue(std::move(job));
  spdlog::info("{} jobs wait, {} were under way", scheduler_.queued(), scheduler_.leased());
  ScheduleTick();
  return {};
}

void Dispatcher::Stop() {
  stopped_ = true;
  timer_.cancel();
  for (auto& [id, session] : sessions_)
    session.link->Close(Status(Code::kUnavailable, "the server is stopping"));
  sessions_.clear();
  const auto recoveries = std::move(recoveries_);
  recoveries_.clear();
  for (const auto& [board, done] : recoveries)
    done(
        Status(Code::kUnavailable, "the server is stopping; the recovery goes on when it is back"));
}

void Dispatcher::Enqueue(std::vector<QueuedJob> jobs) {
  for (QueuedJob& job : jobs) scheduler_.Enqueue(std::move(job));
  MatchAndOffer();
}

void Dispatcher::Cancelled(const std::vector<JobId>& jobs, CampaignId campaign) {
  for (JobId job : jobs) {
    const std::optional<Lease> lease = scheduler_.Cancel(job, clock_.Now());
    if (!lease) continue;
    hub_.Ended(lease->key);
    const auto session = sessions_.find(lease->agent);
    if (session != sessions_.end())
      session->second.link->Send(CancelMessage(lease->key, "cancelled by a user"));
  }
  hub_.Changed(campaign);
  MatchAndOffer();
}

Dispatcher::Session* Dispatcher::SessionOf(const AgentLink* link) {
  for (auto& [id, session] : sessions_) {
    if (session.link.get() == link) return &session;
  }
  return nullptr;
}

void Dispatcher::Message(const std::shared_ptr<AgentLink>& link, const v1::AgentMessage& message) {
  if (stopped_) return;
  Session* session = SessionOf(link.get());
  if (message.has_hello() != (session == nullptr)) {
    // A session that was replaced has no say any more; a first message that is no hello is a broken
    // agent.
    return link->Close(
        Status(Code::kFailedPrecondition, session == nullptr
                                              ? "the first message of a stream must be AgentHello"
                                              : "AgentHello came twice on one stream"));
  }
  if (session != nullptr) session->agent.last_seen_us = clock_.Now();
  switch (message.kind_case()) {
    case v1::AgentMessage::kHello:
      return Hello(link, message.hello());
    case v1::AgentMessage::kHeartbeat:
      scheduler_.AgentBoards(AgentId(session->agent.agent_id),
                             Reports(message.heartbeat().boards()));
      if (const Status saved = SaveBoards(session->agent.agent_id, message.heartbeat().boards());
          !saved.ok()) {
        spdlog::error("boards of agent {}: {}", session->agent.agent_id, saved.message());
      }
      return MatchAndOffer();
    case v1::AgentMessage::kProgress:
      return OnProgress(*session, message.progress());
    case v1::AgentMessage::kResult:
      return OnResult(*session, message.result());
    case v1::AgentMessage::kRefused:
      return OnRefused(*session, message.refused());
    case v1::AgentMessage::kConsole:
      return consoles_.Report(*link, message.console());
    case v1::AgentMessage::KIND_NOT_SET:
      return;
  }
}

void Dispatcher::Hello(const std::shared_ptr<AgentLink>& link, const v1::AgentHello& hello) {
  const AgentId id(hello.agent_id());
  if (id.value.empty())
    return link->Close(Status(Code::kInvalidArgument, "AgentHello has no agent_id"));
  if (const auto old = sessions_.find(id); old != sessions_.end()) {
    spdlog::warn("agent {} connected again; its earlier stream is closed", id.value);
    consoles_.AgentGone(*old->second.link);
    old->second.link->Close(Status(Code::kAborted, "the agent connected again"));
    sessions_.erase(old);
  }
  // Results that cannot be stored would only come again and again.
  Status registered = store_trouble_;
  if (registered.ok()) registered = Register(link, hello);
  if (!registered.ok()) {
    spdlog::error("agent {} cannot be registered: {}", id.value, registered.message());
    gone_[id] = registered.message();
    NoteStore(registered);
    return link->Close(registered);
  }
  std::vector<LeaseKey> held;
  for (const v1::AttemptKey& key : hello.held()) held.push_back(KeyOf(key));
  const Scheduler::Connected connected =
      scheduler_.AgentConnected(id, Reports(hello.boards()), held);
  for (const BoardId& board : connected.stolen) {
    spdlog::warn(
        "agent {} reports board {} which another connected agent has; give each board one agent",
        id.value, board.value);
  }
  v1::ServerMessage welcome;
  welcome.mutable_welcome()->set_server_instance_id(instance_id_);
  link->Send(std::move(welcome));
  for (const LeaseKey& key : held) {
    if (scheduler_.Find(key) == nullptr)
      link->Send(CancelMessage(key, "the attempt is no longer wanted"));
  }
  for (const Lease& lease : connected.lost) {
    if (JustBegun(lease.key)) continue;  // Not offered yet.
    Lost(lease, "the agent restarted and no longer has the attempt; it is repeated");
  }
  spdlog::info("agent {} of bench {} connected with {} boards, {} attempts held, {} lost", id.value,
               hello.bench(), hello.boards_size(), held.size(), connected.lost.size());
  MatchAndOffer();
}

Status Dispatcher::Register(const std::shared_ptr<AgentLink>& link, const v1::AgentHello& hello) {
  AgentRecord agent;
  if (const auto known = agents_.find(AgentId(hello.agent_id())); known != agents_.end()) {
    agent = known->second;  // Whether it is in drain stays.
  }
  agent.agent_id = hello.agent_id();
  agent.bench = hello.bench();
  agent.version = hello.version();
  agent.connected = true;
  agent.last_seen_us = clock_.Now();
  TRY(store_.SaveAgent(agent));
  TRY(SaveBoards(hello.agent_id(), hello.boards()));
  const AgentId id(hello.agent_id());
  agents_[id] = agent;
  sessions_[id] = {link, agent};
  return {};
}

void Dispatcher::Disconnected(const std::shared_ptr<AgentLink>& link) {
  const Session* session = SessionOf(link.get());
  if (session == nullptr || stopped_) return;
  Drop(AgentId(session->agent.agent_id), Status(Code::kUnavailable, "the connection ended"));
}

void Dispatcher::Drop(const AgentId& agent, const Status& reason) {
  const auto found = sessions_.find(agent);
  if (found == sessions_.end()) return;
  spdlog::info("agent {} is offline: {}", agent.value, reason.message());
  AgentRecord record = found->second.agent;
  record.connected = false;
  consoles_.AgentGone(*found->second.link);
  found->second.link->Close(reason);
  sessions_.erase(found);
  gone_[agent] = reason.message();
  scheduler_.AgentLost(agent);
  agents_[agent] = record;
  if (const Status saved = store_.SaveAgent(record); !saved.ok()) {
    spdlog::error("agent {}: {}", agent.value, saved.message());
  }
}

void Dispatcher::OnProgress(Session& session, const v1::AttemptProgress& progress) {
  const LeaseKey key = KeyOf(progress.key());
  const Lease* lease = scheduler_.Find(key);
  if (lease == nullptr || lease->agent.value != session.agent.agent_id) return;
  hub_.Log(lease->campaign, key, {clock_.Now(), progress.log()});
  if (progress.phase().empty()) return;
  v1::CampaignEvent event;
  event.set_job_id(key.job.value);
  event.set_state(v1::JOB_STATE_LEASED);
  event.set_detail(progress.total() == 0 ? progress.phase()
                                         : fmt::format("{} {}/{}", progress.phase(),
                                                       progress.done(), progress.total()));
  event.set_board_id(lease->board.value);
  event.set_attempt(key.attempt);
  event.set_time_us(clock_.Now());
  hub_.Progress(lease->campaign, key, std::move(event));
}

void Dispatcher::OnRefused(const Session& session, const v1::LeaseRefused& refused) {
  const LeaseKey key = KeyOf(refused.key());
  const Lease* lease = scheduler_.Find(key);
  if (lease == nullptr || lease->agent.value != session.agent.agent_id) return;
  spdlog::info("{} refused by board {}: {}", Text(key), lease->board.value, refused.reason());
  Withdraw(Lease(*lease), "refused: " + refused.reason());
  MatchAndOffer();
}

void Dispatcher::ScheduleTick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopped_) Tick();
  });
}

void Dispatcher::Tick() {
  const TimeUs now = clock_.Now();
  std::vector<AgentId> silent;
  for (const auto& [id, session] : sessions_) {
    if (now - session.agent.last_seen_us > kSilentUs) silent.push_back(id);
  }
  for (const AgentId& agent : silent)
    Drop(agent, Status(Code::kDeadlineExceeded, "the agent was silent for 20 s"));
  for (const Lease& lease : scheduler_.Expired(now)) {
    if (JustBegun(lease.key)) continue;  // The next tick ends it, when it is stored.
    if (const auto session = sessions_.find(lease.agent); session != sessions_.end()) {
      session->second.link->Send(CancelMessage(lease.key, "the deadline passed"));
    }
    Lost(lease, fmt::format("the agent did not report before the deadline of {} s; it is repeated",
                            lease.timeout_us / 1'000'000));
  }
  LookAtStore();
  for (const JobId job : std::exchange(left_out_, {})) GoByStore(job);
  EndTimedOut();
  StartReferences();
  MatchAndOffer();
  TellWhoWaits();
  ScheduleTick();
}

}  // namespace tinyrig::server
