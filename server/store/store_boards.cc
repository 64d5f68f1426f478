#include <fmt/format.h>

#include "server/model/names.h"
#include "server/store/store.h"

namespace tinyrig::server {

Status Store::SaveAgent(const AgentRecord& agent) {
  return db_.Run(
      "INSERT INTO agent(agent_id, bench, version, connected, last_seen_us, draining, "
      "drain_reason) VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET bench=excluded.bench, "
      "version=excluded.version, connected=excluded.connected, "
      "last_seen_us=excluded.last_seen_us, draining=excluded.draining, "
      "drain_reason=excluded.drain_reason",
      agent.agent_id, agent.bench, agent.version, agent.connected ? 1 : 0, agent.last_seen_us,
      agent.draining ? 1 : 0, agent.drain_reason);
}

Status Store::SaveBoardIdentity(const BoardRecord& board) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  TRY(db_.Run(
      "INSERT INTO board(board_id, board_type, agent_id, probe_serial, mcu_uid, last_reference_us) "
      "VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET board_type=excluded.board_type, "
      "agent_id=excluded.agent_id, "
      "probe_serial=CASE excluded.probe_serial WHEN '' THEN probe_serial ELSE "
      "excluded.probe_serial END, "
      "mcu_uid=CASE excluded.mcu_uid WHEN '' THEN mcu_uid ELSE excluded.mcu_uid END",
      board.board_id, board.board_type, board.agent_id, board.probe_serial, board.mcu_uid,
      board.last_reference_us));
  TRY(db_.Run("DELETE FROM board_label WHERE board_id=?", board.board_id));
  for (const auto& [key, value] : board.labels) {
    TRY(db_.Run("INSERT INTO board_label(board_id, key, value) VALUES(?,?,?)", board.board_id, key,
                value));
  }
  return transaction.Commit();
}

Status Store::SaveBoardState(const BoardRecord& board) {
  return db_.Run(
      "UPDATE board SET health=?, health_reason=?, ever_suspect=?, maintenance=?, "
      "maintenance_reason=?, reserved_by=?, "
      "reserve_reason=?, "
      "reserved_until_us=? WHERE board_id=?",
      ToText(board.condition.health), board.condition.reason, board.condition.ever_suspect ? 1 : 0,
      board.maintenance ? 1 : 0, board.maintenance_reason, board.reserved_by, board.reserve_reason,
      board.reserved_until_us, board.board_id);
}

Result<std::vector<BoardRecord>> Store::LoadBoards() {
  TRY(db_.Run("UPDATE agent SET connected=0"));
  std::map<std::string, Labels> labels;
  {
    TRY_ASSIGN(Statement rows, db_.Query("SELECT board_id, key, value FROM board_label"));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      labels[rows.Text(0)][rows.Text(1)] = rows.Text(2);
    }
  }
  std::vector<BoardRecord> boards;
  TRY_ASSIGN(Statement rows,
             db_.Query("SELECT board_id, board_type, agent_id, probe_serial, mcu_uid, health, "
                       "maintenance, maintenance_reason, reserved_by, reserve_reason, "
                       "reserved_until_us, health_reason, ever_suspect, jobs_since_reference, "
                       "last_reference_us FROM board"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return boards;
    BoardRecord board;
    board.board_id = rows.Text(0);
    board.board_type = rows.Text(1);
    board.agent_id = rows.Text(2);
    board.probe_serial = rows.Text(3);
    board.mcu_uid = rows.Text(4);
    board.condition = {BoardHealthFromText(rows.View(5)), rows.Text(11), rows.Int(12) != 0};
    board.maintenance = rows.Int(6) != 0;
    board.maintenance_reason = rows.Text(7);
    board.reserved_by = rows.Text(8);
    board.reserve_reason = rows.Text(9);
    board.reserved_until_us = rows.Int(10);
    board.jobs_since_reference = rows.Uint32(13);
    board.last_reference_us = rows.Int(14);
    board.labels = labels[board.board_id];
    boards.push_back(std::move(board));
  }
}

Result<std::vector<AgentRecord>> Store::LoadAgents() {
  std::vector<AgentRecord> agents;
  TRY_ASSIGN(Statement rows, db_.Query("SELECT agent_id, bench, version, connected, last_seen_us, "
                                       "draining, drain_reason FROM agent"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return agents;
    agents.push_back({rows.Text(0), rows.Text(1), rows.Text(2), rows.Int(3) != 0, rows.Int(4),
                      rows.Int(5) != 0, rows.Text(6)});
  }
}

Status Store::SaveReference(const ReferenceRecord& reference, TimeUs now) {
  return db_.Run(
      "INSERT INTO reference_count(board_type, image_sha256, metric, value, board_id, job_id, "
      "learned_us) VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
      reference.board_type, reference.image_sha256, reference.count.metric, reference.count.value,
      reference.board_id, reference.job.value, now);
}

Result<std::vector<ReferenceRecord>> Store::LoadReferences() {
  std::vector<ReferenceRecord> references;
  TRY_ASSIGN(Statement rows, db_.Query("SELECT board_type, image_sha256, metric, value, board_id, "
                                       "job_id FROM reference_count"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return references;
    references.push_back({rows.Text(0),
                          rows.Text(1),
                          {rows.Text(2), rows.Uint(3)},
                          rows.Text(4),
                          JobId(rows.Uint(5))});
  }
}

Result<Store::AddedWindow> Store::AddWindow(const v1::MaintenanceWindow& window,
                                            const std::string& idempotency_key, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  if (!idempotency_key.empty()) {
    TRY_ASSIGN(Statement found,
               db_.Query("SELECT window_id FROM maintenance_window WHERE idempotency_key=?",
                         idempotency_key));
    TRY_ASSIGN(const bool row, found.Step());
    if (row) return AddedWindow{found.Uint(0), false};
  }
  TRY(
      db_.Run("INSERT INTO maintenance_window(expression, start_us, duration_us, every_us, reason, "
              "user, idempotency_key, created_us) VALUES(?,?,?,?,?,?,NULLIF(?,''),?)",
              window.expression(), window.start_us(), window.duration_us(), window.every_us(),
              window.reason(), window.user(), idempotency_key, now));
  const auto id = static_cast<uint64_t>(db_.LastInsertId());
  TRY(transaction.Commit());
  return AddedWindow{id, true};
}

Status Store::RemoveWindow(uint64_t id) {
  return db_.Run("DELETE FROM maintenance_window WHERE window_id=?", id);
}

Result<std::vector<v1::MaintenanceWindow>> Store::LoadWindows() {
  std::vector<v1::MaintenanceWindow> windows;
  TRY_ASSIGN(Statement rows, db_.Query("SELECT window_id, expression, start_us, duration_us, "
                                       "every_us, reason, user FROM maintenance_window ORDER BY "
                                       "window_id"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return windows;
    v1::MaintenanceWindow window;
    window.set_window_id(rows.Uint(0));
    window.set_expression(rows.Text(1));
    window.set_start_us(rows.Int(2));
    window.set_duration_us(rows.Int(3));
    window.set_every_us(rows.Int(4));
    window.set_reason(rows.Text(5));
    window.set_user(rows.Text(6));
    windows.push_back(std::move(window));
  }
}

}  // namespace tinyrig::server
