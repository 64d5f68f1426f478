-- For those who are referred to: without these, forgetting one job would read all of them.
CREATE INDEX job_by_plan ON job(plan_id);
CREATE INDEX job_by_expected ON job(expected_id);
CREATE INDEX job_by_rerun ON job(rerun_of) WHERE rerun_of IS NOT NULL;

-- With what each firmware was built and for which configuration of the board: manifests say it when the files are long
-- replaced.
CREATE TABLE firmware(build_id TEXT PRIMARY KEY, provenance TEXT NOT NULL) WITHOUT ROWID;

-- How many jobs failed, by whose fault; in pages that do not grow with the number of jobs.
CREATE TABLE failure_count(
  owner TEXT NOT NULL,
  board_type TEXT NOT NULL,
  model TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  last_job_id INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY(owner, board_type, model)
) WITHOUT ROWID;

INSERT INTO failure_count
SELECT owner, board_type, model, count(*), max(job_id), max(ended_us) FROM job
WHERE state = 'failed' AND pinned_board = '' GROUP BY 1, 2, 3;

CREATE TRIGGER job_failed_now AFTER UPDATE OF state ON job
WHEN new.state = 'failed' AND old.state <> 'failed' AND new.pinned_board = ''
BEGIN
  INSERT INTO failure_count VALUES(new.owner, new.board_type, new.model, 1, new.job_id, new.ended_us)
  ON CONFLICT DO UPDATE SET jobs = jobs + 1, last_job_id = excluded.last_job_id, last_us = excluded.last_us;
END;

CREATE VIEW failures AS
SELECT owner AS failure_owner, board_type, model, jobs, last_job_id, last_us FROM failure_count;
