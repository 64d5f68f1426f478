-- Answers over everything that was measured, at once and however much that is: indexes for what is asked, and tables
-- that are kept up in the transaction that ends an attempt.
CREATE INDEX job_queued ON job(board_type, created_us, campaign_id) WHERE state = 'queued';
CREATE INDEX job_failed ON job(owner, board_type, model, campaign_id) WHERE state = 'failed';
CREATE INDEX job_by_end ON job(ended_us);
CREATE INDEX job_by_variant ON job(model, board_type, kernels, weights, fusion, synthesis, job_id);
CREATE INDEX attempt_by_board ON attempt(board_id, started_us);
CREATE INDEX event_by_job ON event(job_id, event_id);

-- What succeeded with the same name, variant, board type, fidelity and vectors, summed up for each metric. A model goes
-- by its name here: the series goes on when its file changes. Numbers of jobs outlive the jobs when those are pruned.
CREATE TABLE series_key(
  series_id INTEGER PRIMARY KEY,
  board_type TEXT NOT NULL,
  model TEXT NOT NULL,
  kernels TEXT NOT NULL,
  weights TEXT NOT NULL,
  fusion TEXT NOT NULL,
  synthesis TEXT NOT NULL,
  fidelity TEXT NOT NULL,
  vector_set TEXT NOT NULL,
  UNIQUE(board_type, model, kernels, weights, fusion, synthesis, fidelity, vector_set)
);
CREATE INDEX series_by_model ON series_key(model);

CREATE TABLE series_metric(
  series_id INTEGER NOT NULL REFERENCES series_key,
  metric_id INTEGER NOT NULL REFERENCES metric,
  jobs INTEGER NOT NULL,
  last_value REAL NOT NULL,
  last_uncertainty REAL NOT NULL,
  last_job_id INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  min_value REAL NOT NULL,
  min_job_id INTEGER NOT NULL,
  max_value REAL NOT NULL,
  max_job_id INTEGER NOT NULL,
  PRIMARY KEY(series_id, metric_id)
) WITHOUT ROWID;

INSERT INTO series_key(board_type, model, kernels, weights, fusion, synthesis, fidelity, vector_set)
SELECT DISTINCT board_type, model, kernels, weights, fusion, synthesis, fidelity, vector_set FROM job
WHERE state = 'succeeded' AND pinned_board = '';

CREATE TEMP TABLE measured AS
SELECT k.series_id, m.metric_id, m.job_id, j.ended_us, m.value, m.uncertainty
FROM job j JOIN series_key k USING (board_type, model, kernels, weights, fusion, synthesis, fidelity, vector_set)
JOIN measurement m USING (job_id) WHERE j.state = 'succeeded' AND j.pinned_board = '';
-- A bare column beside one max() or min() is of the row that has it.
INSERT INTO series_metric
SELECT series_id, metric_id, l.jobs, l.value, l.uncertainty, l.job_id, l.last_us, lo.value, lo.job_id, hi.value, hi.job_id
FROM (SELECT series_id, metric_id, count(*) AS jobs, value, uncertainty, job_id, max(ended_us) AS last_us
      FROM measured GROUP BY series_id, metric_id) l
JOIN (SELECT series_id, metric_id, min(value) AS value, job_id FROM measured GROUP BY series_id, metric_id) lo
  USING (series_id, metric_id)
JOIN (SELECT series_id, metric_id, max(value) AS value, job_id FROM measured GROUP BY series_id, metric_id) hi
  USING (series_id, metric_id);
DROP TABLE measured;

-- What a board did on a day (UTC), reference jobs included.
CREATE TABLE board_day(
  day TEXT NOT NULL,
  board_id TEXT NOT NULL,
  runs INTEGER NOT NULL,
  bench_failures INTEGER NOT NULL,
  busy_us INTEGER NOT NULL,
  PRIMARY KEY(day, board_id)
) WITHOUT ROWID;

INSERT INTO board_day
SELECT date(ended_us / 1000000, 'unixepoch'), board_id, count(*), sum(outcome = 'bench'), sum(max(0, ended_us - started_us))
FROM attempt WHERE ended_us <> 0 GROUP BY 1, 2;

CREATE TRIGGER attempt_ended AFTER UPDATE OF ended_us ON attempt WHEN old.ended_us = 0 AND new.ended_us <> 0
BEGIN
  INSERT INTO board_day VALUES(date(new.ended_us / 1000000, 'unixepoch'), new.board_id, 1, new.outcome = 'bench',
                               max(0, new.ended_us - new.started_us))
  ON CONFLICT DO UPDATE SET runs = runs + 1, bench_failures = bench_failures + excluded.bench_failures,
                            busy_us = busy_us + excluded.busy_us;
END;

-- The front of a campaign, found when its last job ended. 0: not yet.
ALTER TABLE campaign ADD COLUMN front_us INTEGER NOT NULL DEFAULT 0;
CREATE TABLE front_point(
  campaign_id INTEGER NOT NULL REFERENCES campaign,
  job_id INTEGER NOT NULL REFERENCES job,
  axes TEXT NOT NULL,
  tie INTEGER,
  knee INTEGER NOT NULL,
  PRIMARY KEY(campaign_id, job_id)
) WITHOUT ROWID;
CREATE INDEX front_by_job ON front_point(job_id);

CREATE VIEW series AS
SELECT k.model, k.kernels, k.weights, k.fusion, k.synthesis, k.board_type, k.fidelity, k.vector_set, n.name AS metric, n.unit,
       s.jobs, s.last_value, s.last_uncertainty, s.last_job_id, s.last_us, s.min_value, s.min_job_id, s.max_value,
       s.max_job_id
FROM series_metric s JOIN series_key k USING (series_id) JOIN metric n USING (metric_id);

CREATE VIEW board_days AS
SELECT board_id, day, runs, bench_failures, busy_us FROM board_day;

CREATE VIEW fronts AS
SELECT f.campaign_id, c.name AS campaign, j.board_type, j.fidelity, f.job_id, j.model, j.model_sha256, j.kernels, j.weights,
       j.fusion, j.synthesis, j.vector_set, f.axes, f.tie, f.knee, c.front_us AS found_us
FROM front_point f JOIN campaign c ON c.campaign_id = f.campaign_id JOIN job j ON j.job_id = f.job_id
WHERE c.system = 0;
