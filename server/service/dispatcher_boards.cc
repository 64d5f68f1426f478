#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <optional>

#include "server/service/agent_messages.h"
#include "server/service/dispatcher.h"

namespace tinyrig::server {

Status Dispatcher::SaveBoards(const std::string& agent_id,
                              const google::protobuf::RepeatedPtrField<v1::AgentBoard>& boards) {
  for (const v1::AgentBoard& board : boards) {
    if (board.board_id().empty()) continue;
    const BoardId id(board.board_id());
    const BoardView* view = scheduler_.FindBoard(id);
    if (view != nullptr && view->online && view->agent.value != agent_id) continue;
    BoardRecord record = board_records_[id];
    record.board_id = board.board_id();
    record.board_type = board.board_type();
    record.agent_id = agent_id;
    if (!board.probe_serial().empty()) record.probe_serial = board.probe_serial();
    if (!board.mcu_uid().empty() && !record.mcu_uid.empty() && board.mcu_uid() != record.mcu_uid) {
      spdlog::warn(
          "board {} has unique id {} now, it had {} before: another board under an old name?",
          id.value, board.mcu_uid(), record.mcu_uid);
    }
    if (!board.mcu_uid().empty()) record.mcu_uid = board.mcu_uid();
    record.labels = LabelsOf(board);
    if (record.last_reference_us == 0) record.last_reference_us = clock_.Now();
    BoardRecord& known = board_records_[id];
    const bool same = known.labels == record.labels &&
                      known.last_reference_us == record.last_reference_us &&
                      known.board_type == record.board_type && known.agent_id == record.agent_id &&
                      known.probe_serial == record.probe_serial && known.mcu_uid == record.mcu_uid;
    if (!same) TRY(store_.SaveBoardIdentity(record));
    known = std::move(record);
  }
  return {};
}

v1::Board Dispatcher::Describe(const BoardView& view) const {
  v1::Board board;
  board.set_board_id(view.id.value);
  board.set_board_type(view.type);
  board.set_agent_id(view.agent.value);
  board.set_health(view.condition.health);
  if (const auto record = board_records_.find(view.id); record != board_records_.end()) {
    board.set_probe_serial(record->second.probe_serial);
    board.set_mcu_uid(record->second.mcu_uid);
  }
  for (const auto& [key, value] : view.labels) {
    v1::Label& label = *board.add_labels();
    label.set_key(key);
    label.set_value(value);
  }
  const Scheduler::NextWindow window = scheduler_.NextWindowOf(view, clock_.Now());
  if (view.lease) board.set_job_id(view.lease->job.value);
  const bool reserved = !view.reserved_by.empty() && view.reserved_until_us > clock_.Now();
  if (reserved) {
    board.set_reserved_by(view.reserved_by);
    board.set_reserved_until_us(view.reserved_until_us);
  }
  if (!view.online) {
    board.set_state(v1::BOARD_STATE_OFFLINE);
    board.set_note(WhyAway(view.agent));
  } else if (view.maintenance) {
    board.set_state(v1::BOARD_STATE_MAINTENANCE);
    board.set_note(view.maintenance_reason);
  } else if (!view.broken.empty()) {
    board.set_state(v1::BOARD_STATE_OFFLINE);
    board.set_note(view.broken);
  } else if (view.lease) {
    board.set_state(v1::BOARD_STATE_BUSY);
    if (scheduler_.Draining(view)) board.set_note("takes no more jobs: drain");
  } else if (window.until_us == 0) {
    board.set_state(v1::BOARD_STATE_MAINTENANCE);
    board.set_note(fmt::format("window {}{}{}", window.window->id,
                               window.window->reason.empty() ? "" : ": ", window.window->reason));
  } else if (scheduler_.Draining(view)) {
    board.set_state(v1::BOARD_STATE_MAINTENANCE);
    board.set_note(WhyDraining(view.agent));
  } else if (reserved) {
    board.set_state(v1::BOARD_STATE_RESERVED);
    board.set_note(view.reserve_reason);
  } else {
    board.set_state(v1::BOARD_STATE_IDLE);
  }
  if (!store_trouble_.ok() && view.online) {
    board.set_note("the server cannot store results: " + store_trouble_.message());
  }
  std::string health = view.condition.reason;
  if (const JobId job = scheduler_.PinnedTo(view.id); job != JobId()) {
    health += fmt::format("{}reference job {} decides", health.empty() ? "" : "; ", job.value);
  } else if (view.condition.health == v1::BOARD_HEALTH_QUARANTINED) {
    health += "; takes no jobs until: tinyrig board recover " + view.id.value;
  }
  if (!health.empty()) board.set_note(board.note() + (board.note().empty() ? "" : ". ") + health);
  return board;
}

std::vector<v1::Board> Dispatcher::Boards() const {
  std::vector<v1::Board> boards;
  for (const auto& [id, view] : scheduler_.boards()) boards.push_back(Describe(view));
  return boards;
}

Result<PageOf<v1::Board>> Dispatcher::ListBoards(const v1::ListBoardsRequest& request) const {
  std::optional<Expression> wanted;
  if (const std::string& expression = request.expression(); !expression.empty()) {
    TRY_ASSIGN(wanted, ParseBoards(std::span(&expression, 1)));
  }
  const auto make = [&](const BoardView& view) -> std::optional<v1::Board> {
    if (wanted && !scheduler_.Matches(view, *wanted)) return std::nullopt;
    return Describe(view);
  };
  return TakePage<v1::Board>(scheduler_.boards(), request.page(), make);
}

Result<PageOf<v1::Agent>> Dispatcher::ListAgents(const v1::ListAgentsRequest& request) const {
  const auto make = [&](const AgentRecord& agent) { return std::optional(Describe(agent)); };
  return TakePage<v1::Agent>(agents_, request.page(), make);
}

v1::Agent Dispatcher::Describe(const AgentRecord& record) const {
  const auto session = sessions_.find(AgentId(record.agent_id));
  const AgentRecord& now = session == sessions_.end() ? record : session->second.agent;
  v1::Agent agent;
  agent.set_agent_id(now.agent_id);
  agent.set_bench(now.bench);
  agent.set_version(now.version);
  agent.set_connected(session != sessions_.end());
  agent.set_last_seen_us(now.last_seen_us);
  agent.set_draining(now.draining);
  agent.set_drain_reason(now.drain_reason);
  return agent;
}

std::vector<v1::Agent> Dispatcher::Agents() const {
  std::vector<v1::Agent> agents;
  for (const auto& [id, record] : agents_) agents.push_back(Describe(record));
  return agents;
}

Result<v1::Board> Dispatcher::GetBoard(const BoardId& board) const {
  const BoardView* view = scheduler_.FindBoard(board);
  if (view != nullptr) return Describe(*view);
  return Status(Code::kNotFound,
                fmt::format("there is no board '{}'; list boards to find its name", board.value));
}

Result<v1::Board> Dispatcher::ChangeBoard(const std::string& board_id,
                                          const std::function<Status(BoardView*)>& change) {
  const BoardId id(board_id);
  BoardView* view = scheduler_.MutableBoard(id);
  if (view == nullptr) return GetBoard(id);
  BoardView changed = *view;
  TRY(change(&changed));
  BoardRecord record = board_records_[id];
  record.board_id = board_id;
  record.maintenance = changed.maintenance;
  record.maintenance_reason = changed.maintenance_reason;
  record.reserved_by = changed.reserved_by;
  record.reserve_reason = changed.reserve_reason;
  record.reserved_until_us = changed.reserved_until_us;
  TRY(store_.SaveBoardState(record));
  board_records_[id] = std::move(record);
  *view = std::move(changed);
  MatchAndOffer();
  return GetBoard(id);
}

Result<v1::Board> Dispatcher::Reserve(const v1::ReserveBoardRequest& request) {
  const TimeUs now = clock_.Now();
  if (request.user().empty() || request.expires_us() <= now) {
    return Status(Code::kInvalidArgument, "a reservation needs a user and an expiry in the future");
  }
  return ChangeBoard(request.board_id(), [&](BoardView* board) -> Status {
    if (!board->reserved_by.empty() && board->reserved_until_us > now &&
        board->reserved_by != request.user()) {
      return {Code::kFailedPrecondition,
              fmt::format("board '{}' is reserved by {}; ask them to release it",
                          request.board_id(), board->reserved_by)};
    }
    board->reserved_by = request.user();
    board->reserve_reason = request.reason();
    board->reserved_until_us = request.expires_us();
    return {};
  });
}

Result<v1::Board> Dispatcher::Release(const v1::ReleaseBoardRequest& request) {
  return ChangeBoard(request.board_id(), [&](BoardView* board) -> Status {
    if (!board->reserved_by.empty() && board->reserved_until_us > clock_.Now() &&
        board->reserved_by != request.user()) {
      return {Code::kPermissionDenied,
              fmt::format("board '{}' is reserved by {}; only they release it", request.board_id(),
                          board->reserved_by)};
    }
    board->reserved_by.clear();
    board->reserve_reason.clear();
    board->reserved_until_us = 0;
    return {};
  });
}

Result<uint64_t> Dispatcher::OpenConsole(const v1::ConsoleOpen& request,
                                         std::weak_ptr<ConsoleClient> client) {
  const BoardId id(request.board_id());
  const BoardView* board = scheduler_.FindBoard(id);
  if (board == nullptr) return GetBoard(id).status();
  const bool reserved = !request.user().empty() && board->reserved_by == request.user() &&
                        board->reserved_until_us > clock_.Now();
  if (!reserved && !board->maintenance) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("a console needs a board that gets no jobs meanwhile; first: tinyrig "
                              "board reserve {}",
                              id.value));
  }
  if (board->lease) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("job {} still runs on board '{}'; wait for its end or cancel it",
                              board->lease->job.value, id.value));
  }
  const auto session = sessions_.find(board->agent);
  if (!board->online || session == sessions_.end()) {
    return Status(Code::kUnavailable,
                  fmt::format("the agent of board '{}' is not connected", id.value));
  }
  return consoles_.Open(session->second.link, request, std::move(client));
}

Result<v1::Board> Dispatcher::SetMaintenance(const v1::SetMaintenanceRequest& request) {
  return ChangeBoard(request.board_id(), [&](BoardView* board) -> Status {
    board->maintenance = request.maintenance();
    board->maintenance_reason = request.maintenance() ? request.reason() : "";
    return {};
  });
}

}  // namespace tinyrig::server
