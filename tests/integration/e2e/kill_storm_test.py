"""kill -9 at random moments, over server, agent, openocd and virtual boards, all in one campaign: the set of
results equals that of an undisturbed run, with one row a job.

    kill_storm_test.py [--kills N] [--seed N]
"""

import argparse
import collections
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
REPETITIONS = 20


def children_named(pid: int, name: str) -> list[int]:
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue  # It has ended meanwhile.
        command, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if command == name and int(rest[1]) == pid:
            found.append(int(status.parent.name))
    return found


def kill(on: bench.Bench, victim: str) -> bool:
    """False when there was nobody to kill."""
    if victim == "openocd":
        pids = children_named(on.processes["agent"].pid, "openocd")
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


def storm(kills: int, seed: int) -> tuple[list, list, collections.Counter]:
    rng = random.Random(seed)
    counts = collections.Counter()
    with bench.Bench() as on:
        campaign = bench.zoo_campaign(on.dir, repetitions=REPETITIONS, max_attempts=100)
        number = on.cli_json("run", campaign, "--no-wait")["campaign_id"]

        def left() -> int:
            jobs = on.cli_json("jobs", "--campaign", number)["jobs"]
            return sum(job["state"] in ("queued", "leased") for job in jobs)

        while counts.total() < kills:
            time.sleep(rng.uniform(0, LONGEST_WAIT))
            victim = rng.choice(VICTIMS)
            if kill(on, victim):
                counts[victim] += 1
            if counts.total() % 10 == 0:
                on.recover_quarantined()
                if left() == 0:
                    raise AssertionError(f"the campaign ended after {counts.total()} kills; raise REPETITIONS")

        def ended() -> bool:
            on.recover_quarantined()
            return left() == 0

        bench.until("the campaign has ended", ended, bench.RUN_SECONDS)
        jobs = on.cli_json("results", "--campaign", number)["jobs"]
        rows = on.cli_json("query", "SELECT job_id, COUNT(*) AS n FROM results WHERE metric = 'instructions_p50' "
                                    f"AND campaign_id = {number} GROUP BY job_id")["rows"]
    return outcome(jobs), [row["n"] for row in rows], counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with bench.Bench() as on:
        undisturbed = outcome(on.cli_json("run", bench.zoo_campaign(on.dir, repetitions=REPETITIONS), "--wait")["jobs"])
    seen, rows, counts = storm(options.kills, options.seed)
    print(f"{counts.total()} kills: " + ", ".join(f"{name} {counts[name]}" for name in VICTIMS))
    if seen != undisturbed or rows != [1] * len(undisturbed):
        print(f"differs from the undisturbed run:\n{undisturbed}\n{seen}\nrows per job: {rows}")
        return 1
    print(f"{len(seen)} jobs, each measured once, equal to the undisturbed run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
