"""kill -9 at random moments, over server, agent, openocd and virtual boards, all in one campaign: the set of
results equals that of an undisturbed run, with one row a job.

    kill_storm_test.py [--kills N] [--seed N]
"""

import argparse
import collections
import json
import os
import pathlib
import random
import signal
import sys
import time

import bench
from kill_test import outcome

VICTIMS = ("server", "agent", "openocd", "b1", "b2")
LONGEST_WAIT = 1.2  # Seconds between kills; a job of this campaign takes about as long.
JOBS_PER_KILL = 1.1  # So that the campaign outlasts the storm.
JOBS_PER_COPY = 6  # Of zoo_campaign().
SPARE_COPIES = 4  # A short storm on a quick machine strikes few jobs.


def campaign_file(folder: pathlib.Path, kills: int) -> pathlib.Path:
    copies = SPARE_COPIES + int(kills * JOBS_PER_KILL) // JOBS_PER_COPY
    return bench.zoo_campaign(folder, copies=copies, vectors=bench.few_vectors(folder, 120), max_attempts=100)


def kill(on: bench.Bench, victim: str) -> bool:
    """False when there was nobody to kill."""
    if victim == "openocd":
        pids = bench.children_named(on.processes["agent"].pid, "openocd")
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
        return bool(pids)
    on.kill(victim)
    if victim == "server":
        on.start_server()
    elif victim == "agent":
        on.start_agent()
    else:
        on.start_board(victim)
    return True


def measured(on: bench.Bench, number: int) -> tuple[list, list]:
    """Outcome and result rows of every job, when the campaign has ended."""
    def ended() -> bool:
        on.recover_quarantined()
        return left(on, number) == 0
    bench.until("the campaign has ended", ended, 2 * bench.RUN_SECONDS, 0.5)
    jobs = on.cli_json("results", "--campaign", number)["jobs"]
    for job in jobs:
        if job["state"] != "succeeded":
            print(f"job {job['job_id']}: {json.dumps(job.get('failure'), indent=1)}", file=sys.stderr)
            print("\n".join(line for line in on.log("server").splitlines() if "board" in line), file=sys.stderr)
    rows = on.cli_json("query", "SELECT job_id, COUNT(*) AS n FROM results WHERE metric = 'instructions_p50' "
                                f"AND campaign_id = {number} GROUP BY job_id")["rows"]
    return outcome(jobs), [row["n"] for row in rows]


def left(on: bench.Bench, number: int) -> int:
    jobs = on.cli_json("jobs", "--campaign", number)["jobs"]
    return sum(job["state"] in ("queued", "leased") for job in jobs)


def storm(on: bench.Bench, number: int, kills: int, seed: int) -> collections.Counter:
    rng = random.Random(seed)
    counts = collections.Counter()
    while counts.total() < kills:
        time.sleep(rng.uniform(0, LONGEST_WAIT))
        victim = rng.choice(VICTIMS)
        if not kill(on, victim):
            continue
        counts[victim] += 1
        if counts.total() % 10 == 0:
            on.recover_quarantined()
            print(f"{counts.total()} kills, {left(on, number)} jobs left", file=sys.stderr, flush=True)
            if left(on, number) == 0:
                raise AssertionError(f"the campaign ended after {counts.total()} kills; raise JOBS_PER_KILL")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = time.monotonic()
    with bench.Bench() as on:
        undisturbed, _ = measured(on, on.cli_json("run", campaign_file(on.dir, options.kills), "--no-wait")["campaign_id"])
    quiet = time.monotonic() - start
    with bench.Bench() as on:
        number = on.cli_json("run", campaign_file(on.dir, options.kills), "--no-wait")["campaign_id"]
        counts = storm(on, number, options.kills, options.seed)
        seen, rows = measured(on, number)
        attempts = on.cli_json("query", f"SELECT SUM(attempts) AS n FROM jobs WHERE campaign_id = {number}")["rows"][0]["n"]
    print(f"{counts.total()} kills: " + ", ".join(f"{name} {counts[name]}" for name in VICTIMS))
    if seen != undisturbed or rows != [1] * len(undisturbed):
        print(f"differs from the undisturbed run:\n{undisturbed}\n{seen}\nrows per job: {rows}")
        return 1
    print(f"{len(seen)} jobs in {attempts} attempts, each measured once, equal to the undisturbed run "
          f"({quiet:.0f} s without, {time.monotonic() - start - quiet:.0f} s with kills)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
