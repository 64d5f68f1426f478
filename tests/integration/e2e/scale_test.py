"""How many native boards one agent and one server hold: a job on every board, and all their sessions open at once.

    scale_test.py [BOARDS] [--repetitions N]

prints what the sessions cost. Exit status 1 when a job does not succeed at its first attempt, or when there was no
moment at which every board had a session: the jobs' stored timelines tell.
"""

import argparse
import os
import pathlib
import sys
import time

import bench

MODELS = ("digits_cnn", "digits_ds")
VARIANTS = ("kernels=reference,weights=int8", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16")
SECONDS = 540
IDLE_SECONDS = 5
IN_SESSION = ("start", "stream", "marks", "observe")


def submit(on: bench.NativeBench, jobs: int, repetitions: int) -> list[int]:
    """As many jobs as there are boards, and nobody to take them yet. The campaigns' numbers."""
    campaigns = []
    for first in range(0, jobs, len(VARIANTS)):
        path = on.dir / f"scale{first}.yaml"
        variants = [dict(part.split("=") for part in v.split(",")) for v in VARIANTS[:jobs - first]]
        path.write_text("\n".join(
            [f"name: scale{first}", f"models: [{bench.ZOO}/{MODELS[first % len(MODELS)]}.tflite]", "board_types: [native]",
             f"vectors: {bench.ZOO}/digits_test.npz", f"repetitions: {repetitions}", "max_attempts: 1",
             "variants:", f"  kernels: [{', '.join(sorted({v['kernels'] for v in variants}))}]",
             f"  weights: [{', '.join(sorted({v['weights'] for v in variants}))}]",
             "exclude:", "  - {kernels: reference, weights: int16}"]) + "\n")
        campaigns.append(on.cli_json("run", path, "--no-wait")["campaign_id"])
    return campaigns


def memory(processes) -> tuple[int, int]:
    """Sums of resident and of proportional set size, in kiB."""
    sums = [0, 0]
    for process in processes:
        try:
            fields = dict(line.split(":") for line in (process / "smaps_rollup").read_text().splitlines()[1:])
        except OSError:
            continue  # It has ended meanwhile.
        sums[0] += int(fields["Rss"].split()[0])
        sums[1] += int(fields["Pss"].split()[0])
    return sums[0], sums[1]


def cpu_seconds(process: pathlib.Path) -> float:
    try:
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_all(boards, programs) -> float:
    return sum(cpu_seconds(process) for process in [*boards, *programs.values()])


def sessions_at_once(jobs: list[dict]) -> int:
    """The most attempts that were between the board's first and last words of a session at one moment."""
    changes = []
    for job in jobs:
        for attempt in job["attempts"]:
            spans = [span for span in attempt["timeline"] if span["name"] in IN_SESSION]
            if spans:
                changes.append((spans[0]["start_us"] + spans[0]["duration_us"], 1))
                changes.append((spans[-1]["start_us"] + spans[-1]["duration_us"], -1))
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", type=int, nargs="?", default=24)
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    wanted = arguments.boards
    with bench.NativeBench(boards=wanted) as on:
        idle_rss = memory([pathlib.Path(f"/proc/{on.processes['agent'].pid}")])[0]
        on.stop("agent")
        campaigns = submit(on, wanted, arguments.repetitions)
        start = time.monotonic()
        on.start_agent()
        programs = {name: pathlib.Path(f"/proc/{on.processes[name].pid}") for name in ("agent", "server")}
        before = {name: cpu_seconds(process) for name, process in programs.items()}
        boards, cost = [], {}
        while True:
            numbers = on.cli("query", "--csv", "SELECT sum(queued + leased), sum(succeeded) FROM campaigns").stdout
            open_jobs, succeeded = (int(n) for n in numbers.splitlines()[-1].split(","))
            running = on.board_processes()
            if len(running) == wanted and open_jobs == wanted:
                boards = running
                cost = {"boards": memory(boards), **{name: memory([process]) for name, process in programs.items()}}
            if open_jobs == 0:
                break
            if time.monotonic() - start > SECONDS:
                print(f"not done after {SECONDS} s: {succeeded} of {wanted} jobs succeeded, {open_jobs} are open")
                return 1
            time.sleep(1)
        wall = time.monotonic() - start
        spent = {name: cpu_seconds(process) - before[name] for name, process in programs.items()}
        spent["boards"] = sum(cpu_seconds(process) for process in boards)
        # Boards that wait, in a session or not, wait in the same poll().
        resting = cpu_of_all(boards, programs)
        time.sleep(IDLE_SECONDS)
        resting = cpu_of_all(boards, programs) - resting
        listed = on.cli("query", "--csv", "SELECT job_id, state FROM jobs").stdout.splitlines()[1:]
        jobs = [on.cli_json("job", line.split(",")[0]) for line in listed]
    failed = [job for job in jobs if job["state"] != "succeeded"]
    at_once = sessions_at_once(jobs)
    vectors = sum(int(job.get("vectors", 0)) for job in jobs)
    print(f"{wanted} native boards, {len(campaigns)} campaigns: {len(jobs) - len(failed)} of {len(jobs)} jobs succeeded in "
          f"{wall:.0f} s, {vectors / wall:,.0f} vectors a second; most sessions at once: {at_once}")
    for name, (rss, pss) in cost.items():
        count = wanted if name == "boards" else 1
        print(f"  {name}: RSS {rss / count:,.0f} kiB, PSS {pss / count:,.0f} kiB{' each' if count > 1 else ''}, "
              f"{spent[name]:.1f} s of processor time")
    print(f"  agent without sessions: RSS {idle_rss:,.0f} kiB; all boards waiting, {IDLE_SECONDS} s of boards, agent and server "
          f"take {resting:.2f} s of processor time")
    for job in failed[:3]:
        print(f"  job {job['job_id']}: {job['state']}: {job.get('failure')}")
    return 1 if failed or len(jobs) != wanted or at_once != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
