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
