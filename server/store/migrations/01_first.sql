CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
-- Fences of two databases do not meet: what an agent kept for a server whose state was wiped is not taken for work of
-- its successor. Below 2^53, so that every reader of numbers keeps them exact.
INSERT INTO counter VALUES('fence', ((random() & 0xFFFFF) + 1) * 4294967296);

CREATE TABLE artifact(
  sha256 TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, name TEXT NOT NULL, created_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE campaign(
  campaign_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  spec BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  queued INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  infeasible INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0
);

-- What the host reference gives for a model on a vector set.
CREATE TABLE expected(
  expected_id INTEGER PRIMARY KEY,
  model_sha256 TEXT NOT NULL,
  vector_set TEXT NOT NULL,
  artifact_sha256 TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  UNIQUE(model_sha256, vector_set)
);

CREATE TABLE plan(
  plan_id INTEGER PRIMARY KEY,
  model_sha256 TEXT NOT NULL,
  kernels TEXT NOT NULL,
  weights TEXT NOT NULL,
  fusion TEXT NOT NULL,
  synthesis TEXT NOT NULL,
  board_type TEXT NOT NULL,
  build_id TEXT NOT NULL,
  feasible INTEGER NOT NULL,
  reason TEXT NOT NULL,
  image BLOB,
  image_sha256 TEXT NOT NULL,
  facts TEXT NOT NULL,
  detail TEXT NOT NULL,
  UNIQUE(model_sha256, kernels, weights, fusion, synthesis, board_type, build_id, image_sha256)
);

CREATE TABLE job(
  job_id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaign,
  plan_id INTEGER REFERENCES plan,
  expected_id INTEGER REFERENCES expected,
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  model_size INTEGER NOT NULL,
  kernels TEXT NOT NULL,
  weights TEXT NOT NULL,
  fusion TEXT NOT NULL,
  synthesis TEXT NOT NULL,
  board_type TEXT NOT NULL,
  fidelity TEXT NOT NULL,
  vector_set TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL,
  owner TEXT NOT NULL DEFAULT '',
  failure BLOB,
  last_attempt INTEGER NOT NULL DEFAULT 0,
  failed_attempts INTEGER NOT NULL DEFAULT 0,
  rerun_of INTEGER REFERENCES job,
  rerun_key TEXT UNIQUE,
  created_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_by_campaign ON job(campaign_id, job_id);
CREATE INDEX job_unfinished ON job(state) WHERE state IN ('queued', 'leased');

CREATE TABLE attempt(
  job_id INTEGER NOT NULL REFERENCES job,
  attempt INTEGER NOT NULL,
  fence INTEGER NOT NULL UNIQUE,
  board_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  deadline_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '',
  failure BLOB,
  timeline BLOB,
  raw_sha256 TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(job_id, attempt)
) WITHOUT ROWID;

CREATE TABLE metric(metric_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL);
CREATE TABLE method(method_id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

CREATE TABLE measurement(
  job_id INTEGER NOT NULL REFERENCES job,
  metric_id INTEGER NOT NULL REFERENCES metric,
  attempt INTEGER NOT NULL,
  value REAL NOT NULL,
  uncertainty REAL NOT NULL,
  method_id INTEGER NOT NULL REFERENCES method,
  PRIMARY KEY(job_id, metric_id)
) WITHOUT ROWID;

CREATE TABLE layer_hash(
  job_id INTEGER NOT NULL REFERENCES job,
  vector_index INTEGER NOT NULL,
  op_index INTEGER NOT NULL,
  vector TEXT NOT NULL,
  tflite_index INTEGER NOT NULL,
  op_name TEXT NOT NULL,
  tensor_index INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  fnv1a32 INTEGER NOT NULL,
  PRIMARY KEY(job_id, vector_index, op_index)
) WITHOUT ROWID;

CREATE TABLE event(
  event_id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaign,
  job_id INTEGER NOT NULL REFERENCES job,
  state TEXT NOT NULL,
  detail TEXT NOT NULL,
  board_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  counts BLOB NOT NULL
);
CREATE INDEX event_by_campaign ON event(campaign_id, event_id);

CREATE TABLE log(
  job_id INTEGER NOT NULL REFERENCES job,
  attempt INTEGER NOT NULL,
  line INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY(job_id, attempt, line)
) WITHOUT ROWID;

CREATE TABLE agent(
  agent_id TEXT PRIMARY KEY,
  bench TEXT NOT NULL,
  version TEXT NOT NULL,
  connected INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE board(
  board_id TEXT PRIMARY KEY,
  board_type TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  probe_serial TEXT NOT NULL,
  mcu_uid TEXT NOT NULL,
  health TEXT NOT NULL DEFAULT 'good',
  maintenance INTEGER NOT NULL DEFAULT 0,
  maintenance_reason TEXT NOT NULL DEFAULT '',
  reserved_by TEXT NOT NULL DEFAULT '',
  reserve_reason TEXT NOT NULL DEFAULT '',
  reserved_until_us INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE VIEW jobs AS
SELECT j.job_id, j.campaign_id, c.name AS campaign, j.model, j.model_sha256, j.kernels, j.weights, j.fusion,
       j.synthesis, j.board_type, j.fidelity, j.vector_set, j.state, j.owner AS failure_owner, j.priority,
       j.last_attempt AS attempts, a.board_id, p.image_sha256, j.rerun_of, j.created_us, j.ended_us
FROM job j JOIN campaign c USING (campaign_id)
LEFT JOIN plan p USING (plan_id)
LEFT JOIN attempt a ON a.job_id = j.job_id AND a.attempt = j.last_attempt;

CREATE VIEW results AS
SELECT m.job_id, j.campaign_id, c.name AS campaign, j.model, j.model_sha256, j.kernels, j.weights, j.fusion,
       j.synthesis, j.board_type, j.fidelity, j.vector_set, j.state, m.attempt, a.board_id,
       n.name AS metric, m.value, n.unit, m.uncertainty, h.text AS method, p.image_sha256, j.ended_us
FROM measurement m JOIN job j USING (job_id) JOIN campaign c USING (campaign_id)
JOIN metric n USING (metric_id) JOIN method h USING (method_id)
LEFT JOIN plan p USING (plan_id)
LEFT JOIN attempt a ON a.job_id = m.job_id AND a.attempt = m.attempt;

CREATE VIEW runs AS
SELECT a.job_id, j.campaign_id, a.attempt, a.board_id, a.agent_id, j.board_type, a.outcome, a.started_us, a.ended_us,
       CASE WHEN a.ended_us = 0 THEN NULL ELSE a.ended_us - a.started_us END AS duration_us, a.raw_sha256
FROM attempt a JOIN job j USING (job_id);

CREATE VIEW boards AS
SELECT b.board_id, b.board_type, b.agent_id, g.bench, g.connected, b.probe_serial, b.mcu_uid, b.health, b.maintenance,
       b.reserved_by, b.reserved_until_us
FROM board b LEFT JOIN agent g USING (agent_id);

CREATE VIEW campaigns AS
SELECT campaign_id, name, user, created_us, queued, leased, succeeded, failed, infeasible, cancelled FROM campaign;

CREATE VIEW layers AS
SELECT job_id, vector_index, vector, op_index, tflite_index, op_name, tensor_index, bytes,
       printf('%08x', fnv1a32) AS fnv1a32
FROM layer_hash;

CREATE VIEW events AS
SELECT event_id, campaign_id, job_id, state, detail, board_id, attempt, time_us FROM event;
