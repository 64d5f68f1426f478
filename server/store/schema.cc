#include "server/store/schema.h"

#include <fmt/format.h>

#include <array>

namespace tinyrig::server {
namespace {

// Step n brings a database from version n to n + 1. A step that was released is never edited.
constexpr std::array kMigrations = {
    R"sql(
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
)sql",
    R"sql(
-- Campaigns of the server's own (reference jobs) stay out of what users count and compare.
ALTER TABLE campaign ADD COLUMN system INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN pinned_board TEXT NOT NULL DEFAULT '';
ALTER TABLE board ADD COLUMN health_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE board ADD COLUMN ever_suspect INTEGER NOT NULL DEFAULT 0;
UPDATE board SET ever_suspect = 1 WHERE health <> 'good';

-- What a good board counted for an image of a reference job: the measure for others of its type.
CREATE TABLE reference_count(
  board_type TEXT NOT NULL,
  image_sha256 TEXT NOT NULL,
  metric TEXT NOT NULL,
  value INTEGER NOT NULL,
  board_id TEXT NOT NULL,
  job_id INTEGER NOT NULL REFERENCES job,
  learned_us INTEGER NOT NULL,
  PRIMARY KEY(board_type, image_sha256)
) WITHOUT ROWID;

DROP VIEW jobs;
CREATE VIEW jobs AS
SELECT j.job_id, j.campaign_id, c.name AS campaign, j.model, j.model_sha256, j.kernels, j.weights, j.fusion,
       j.synthesis, j.board_type, j.fidelity, j.vector_set, j.state, j.owner AS failure_owner, j.priority,
       j.last_attempt AS attempts, a.board_id, p.image_sha256, j.rerun_of, j.created_us, j.ended_us
FROM job j JOIN campaign c USING (campaign_id)
LEFT JOIN plan p USING (plan_id)
LEFT JOIN attempt a ON a.job_id = j.job_id AND a.attempt = j.last_attempt
WHERE c.system = 0;

DROP VIEW results;
CREATE VIEW results AS
SELECT m.job_id, j.campaign_id, c.name AS campaign, j.model, j.model_sha256, j.kernels, j.weights, j.fusion,
       j.synthesis, j.board_type, j.fidelity, j.vector_set, j.state, m.attempt, a.board_id,
       n.name AS metric, m.value, n.unit, m.uncertainty, h.text AS method, p.image_sha256, j.ended_us
FROM measurement m JOIN job j USING (job_id) JOIN campaign c USING (campaign_id)
JOIN metric n USING (metric_id) JOIN method h USING (method_id)
LEFT JOIN plan p USING (plan_id)
LEFT JOIN attempt a ON a.job_id = m.job_id AND a.attempt = m.attempt
WHERE c.system = 0;

DROP VIEW runs;
CREATE VIEW runs AS
SELECT a.job_id, j.campaign_id, a.attempt, a.board_id, a.agent_id, j.board_type, a.outcome, a.started_us, a.ended_us,
       CASE WHEN a.ended_us = 0 THEN NULL ELSE a.ended_us - a.started_us END AS duration_us, a.raw_sha256
FROM attempt a JOIN job j USING (job_id) JOIN campaign c USING (campaign_id) WHERE c.system = 0;

DROP VIEW boards;
CREATE VIEW boards AS
SELECT b.board_id, b.board_type, b.agent_id, g.bench, g.connected, b.probe_serial, b.mcu_uid, b.health,
       b.health_reason, b.ever_suspect, b.maintenance, b.maintenance_reason, b.reserved_by, b.reserved_until_us
FROM board b LEFT JOIN agent g USING (agent_id);

DROP VIEW campaigns;
CREATE VIEW campaigns AS
SELECT campaign_id, name, user, created_us, queued, leased, succeeded, failed, infeasible, cancelled FROM campaign
WHERE system = 0;

DROP VIEW layers;
CREATE VIEW layers AS
SELECT l.job_id, l.vector_index, l.vector, l.op_index, l.tflite_index, l.op_name, l.tensor_index, l.bytes,
       printf('%08x', l.fnv1a32) AS fnv1a32
FROM layer_hash l JOIN job j USING (job_id) JOIN campaign c USING (campaign_id) WHERE c.system = 0;

DROP VIEW events;
CREATE VIEW events AS
SELECT e.event_id, e.campaign_id, e.job_id, e.state, e.detail, e.board_id, e.attempt, e.time_us
FROM event e JOIN campaign c USING (campaign_id) WHERE c.system = 0;

-- Every reference job: which board, when, and how it ended.
CREATE VIEW reference_jobs AS
SELECT j.job_id, j.pinned_board AS board_id, j.board_type, p.image_sha256, j.state, j.owner AS failure_owner,
       (SELECT m.value FROM measurement m JOIN metric n USING (metric_id)
        WHERE m.job_id = j.job_id AND n.name IN ('instructions_p50', 'cycles_p50')) AS counted,
       r.value AS expected, r.board_id AS expected_from, j.created_us, j.ended_us
FROM job j JOIN campaign c USING (campaign_id) LEFT JOIN plan p USING (plan_id)
LEFT JOIN reference_count r ON r.board_type = j.board_type AND r.image_sha256 = p.image_sha256
WHERE c.system = 1;
)sql",
    R"sql(
-- What an operator took, in the run that showed the layers.
ALTER TABLE layer_hash ADD COLUMN ticks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE layer_hash ADD COLUMN counted INTEGER;
ALTER TABLE layer_hash ADD COLUMN macs INTEGER;
ALTER TABLE layer_hash ADD COLUMN output_shape TEXT NOT NULL DEFAULT '';
ALTER TABLE layer_hash ADD COLUMN form TEXT NOT NULL DEFAULT '';

DROP VIEW layers;
CREATE VIEW layers AS
SELECT l.job_id, l.vector_index, l.vector, l.op_index, l.tflite_index, l.op_name, l.tensor_index, l.bytes,
       printf('%08x', l.fnv1a32) AS fnv1a32, l.output_shape, l.form, l.macs, l.ticks, l.counted,
       CASE j.fidelity WHEN 'emulated' THEN 'instructions' WHEN 'hardware' THEN 'cycles' ELSE 'ns' END AS unit
FROM layer_hash l JOIN job j USING (job_id) JOIN campaign c USING (campaign_id) WHERE c.system = 0;
)sql",
};

}  // namespace

uint32_t SchemaVersion() { return kMigrations.size(); }

Status Migrate(Database& db) {
  uint32_t version = 0;
  {
    TRY_ASSIGN(Statement query, db.Query("PRAGMA user_version"));
    TRY(query.Step());
    version = query.Uint32(0);
  }
  if (version > SchemaVersion()) {
    return {Code::kFailedPrecondition,
            fmt::format("the database has schema version {}, this program knows up to {}; install "
                        "the newer program",
                        version, SchemaVersion())};
  }
  for (; version < SchemaVersion(); ++version) {
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(db));
    TRY(db.Execute(kMigrations[version]).WithContext(fmt::format("migration {}", version + 1)));
    TRY(db.Execute(fmt::format("PRAGMA user_version={}", version + 1)));
    TRY(transaction.Commit());
  }
  return {};
}

}  // namespace tinyrig::server
