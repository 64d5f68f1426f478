"""Many virtual boards on one machine flash and run at the same time: every board measures, none disturbs another, and
what has nothing to do uses no processor.

    parallel_test.py [--boards N] [--copies N]

prints how many attempts ran at once and the processor time of boards without work.
"""

import argparse
import collections
import os
import pathlib
import sys
import time

import bench

IDLE_SECONDS = 5
IDLE_LIMIT = 0.05  # Of a core, for a board and its emulator; one that polls needs all of it.


def processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def idle_load(on: bench.Bench) -> list[float]:
    """Cores that each board uses while nobody asks anything of it."""
    pids = [[on.processes[board].pid, on.control(board, cmd="status")["qemu_pid"]] for board in on.boards]
    before = [processor_seconds(each) for each in pids]
    time.sleep(IDLE_SECONDS)
    return [(processor_seconds(each) - was) / IDLE_SECONDS for each, was in zip(pids, before)]


def at_once(runs: list[dict]) -> int:
    """The most attempts that were under way together."""
    moments = sorted([(run["started_us"], 1) for run in runs] + [(run["ended_us"], -1) for run in runs])
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=32)
    parser.add_argument("--copies", type=int, default=0, help="of the two models, six jobs each; default: two jobs a board")
    options = parser.parse_args()
    copies = options.copies or max(1, options.boards * 2 // 6)
    wrong = []
    with bench.Bench(boards=options.boards) as on:
        blank = idle_load(on)
        start = time.monotonic()
        campaign = bench.zoo_campaign(on.dir, copies=copies, vectors=bench.few_vectors(on.dir), max_attempts=1)
        jobs = on.cli_json("run", campaign, "--wait", check=False)["jobs"]
        seconds = time.monotonic() - start
        running = idle_load(on)
        lockups = {board: on.control(board, cmd="status")["lockups"] for board in on.boards}
        runs = on.cli_json("query", "SELECT board_id, started_us, ended_us FROM runs")["rows"]
    counts = collections.defaultdict(set)
    for job in jobs:
        if job["state"] != "succeeded":
            wrong.append(f"{job['board']}: {job.get('failure')}")
            continue
        model = "digits_cnn" if "digits_cnn" in job["model"] else "digits_ds"
        key = model, job["variant"]["kernels"], job["variant"]["weights"]
        counts[key].add(job["instructions_p50"])
    wrong += [f"{key} has the counts {sorted(found)}" for key, found in counts.items() if len(found) != 1]
    wrong += [f"{board} locked up {times} times" for board, times in lockups.items() if times]
    unused = set(on.boards) - {run["board_id"] for run in runs}
    if unused and len(jobs) >= 2 * options.boards:
        wrong.append(f"boards without a job: {sorted(unused)}")
    wrong += [f"a {what} board without work uses {max(load):.3f} of a core"
              for what, load in (("blank", blank), ("programmed", running)) if max(load) > IDLE_LIMIT]
    print(f"{options.boards} boards: {len(jobs)} jobs in {seconds:.0f} s, up to {at_once(runs)} at once; "
          f"without work a blank board uses {sum(blank) / len(blank):.4f} of a core, a programmed one "
          f"{sum(running) / len(running):.4f}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
