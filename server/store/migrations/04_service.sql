-- What a server for many people needs: labels, windows, drain, tokens, an audit log.
ALTER TABLE board ADD COLUMN jobs_since_reference INTEGER NOT NULL DEFAULT 0;
ALTER TABLE board ADD COLUMN last_reference_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN drain_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX job_by_pinned_board ON job(pinned_board, job_id) WHERE pinned_board <> '';

CREATE TABLE board_label(
  board_id TEXT NOT NULL REFERENCES board,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(board_id, key)
) WITHOUT ROWID;

CREATE TABLE maintenance_window(
  window_id INTEGER PRIMARY KEY AUTOINCREMENT,
  expression TEXT NOT NULL,
  start_us INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  every_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  user TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  created_us INTEGER NOT NULL
);

-- The secret itself is kept nowhere.
CREATE TABLE token(
  token_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_us INTEGER NOT NULL DEFAULT 0,
  revoked_us INTEGER NOT NULL DEFAULT 0,
  last_used_us INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE audit(
  audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
  time_us INTEGER NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  peer TEXT NOT NULL,
  method TEXT NOT NULL,
  request TEXT NOT NULL,
  code INTEGER NOT NULL,
  message TEXT NOT NULL
);
CREATE INDEX audit_by_user ON audit(user, audit_id);

DROP VIEW boards;
CREATE VIEW boards AS
SELECT b.board_id, b.board_type, b.agent_id, g.bench, g.connected, b.probe_serial, b.mcu_uid, b.health,
       b.health_reason, b.ever_suspect, b.maintenance, b.maintenance_reason, b.reserved_by, b.reserved_until_us,
       (SELECT json_group_object(l.key, l.value) FROM board_label l WHERE l.board_id = b.board_id) AS labels,
       b.jobs_since_reference, b.last_reference_us
FROM board b LEFT JOIN agent g USING (agent_id);
