-- Each change of a job wrote into three pages of it. What waits or runs is found by its campaign: those with such jobs
-- are few.
DROP INDEX job_unfinished;
