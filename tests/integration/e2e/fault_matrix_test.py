"""Every fault of the virtual board and every kill, for several seeds and both ways of driving OpenOCD: each job ends
as fault_table.tsv says, the board counts right again afterwards, and no job is lost or doubled.

    fault_matrix_test.py [--seeds N] [--only FAULT] [--modes one_shot,long_lived] [--in-turn]

prints the table with what was seen. Exit status 1 when something differs. The modes run side by side, each on a bench
of its own; with --in-turn each case is tried in one of them.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import random
import signal
import sys
import time

import bench

TABLE = pathlib.Path(__file__).with_name("fault_table.tsv")
SEEDS = 5
MODES = ("one_shot", "long_lived")
FIRST, SECOND = "b1", "b2"
CLEAN_KERNELS = "dsp"
# Whose kernels no check uses: an image that was not written cannot be there by chance.
UNUSED_KERNELS = "reference"
# What holds a job where it is to be hit.
HOLDS = {"after_uart_bytes": ("uart_stall", {"ms": 600000}), "after_transfers": ("probe_frozen", {})}


@dataclasses.dataclass(frozen=True)
class Case:
    fault: str
    board: str
    parameters: str
    boards: str
    seconds: int
    ends: str
    says: str

    def draw(self, seed: int) -> dict:
        rng = random.Random(f"{self.fault} {self.parameters} {seed}")
        values = {}
        for part in [] if self.parameters == "-" else self.parameters.split(","):
            name, _, text = part.partition("=")
            low, _, high = text.partition("..")
            values[name] = seed if not text else rng.randint(int(low), int(high)) if high else float(low)
        return values

    @property
    def victim(self) -> str:
        """What is killed, empty when the case is a fault of the virtual board."""
        return self.fault.removeprefix("kill_") if self.fault.startswith("kill_") else ""

    @property
    def kernels(self) -> str:
        """Flash keeps its contents, so only another image is written there; so is one after a lie."""
        return UNUSED_KERNELS if self.board == "virtual_f4" or self.fault == "flash_lies" else CLEAN_KERNELS


def read_table() -> list[Case]:
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    cases = [line.split("\t") for line in lines]
    return [Case(fault, board, parameters, boards, int(seconds), ends, says)
            for fault, board, parameters, boards, seconds, ends, says in cases]


class Matrix:
    """The cases of one board type with one way of driving OpenOCD, on a bench of their own."""

    def __init__(self, mode: str, board: str):
        self.mode = mode
        self.board = board
        self.jobs = 0
        self.exact = {}  # Instructions by kernels.

    def submit(self, on: bench.Bench, name: str, kernels: str = CLEAN_KERNELS, attempts: int = 1,
               seconds: int = 60) -> int:
        path = on.dir / f"{name}.yaml"
        path.write_text("\n".join([
            f"name: {name}", f"models: [{bench.ZOO}/digits_ds.tflite]",
            f"variants: {{kernels: [{kernels}], weights: [int8]}}", f"board_types: [{self.board}]",
            f"vectors: {bench.few_vectors(on.dir)}", f"max_attempts: {attempts}", f"attempt_timeout_s: {seconds}"]) + "\n")
        self.jobs += 1
        return on.cli_json("run", path, "--no-wait")["campaign_id"]

    def wait(self, on: bench.Bench, campaign: int) -> dict:
        def ended() -> bool:
            job = on.cli_json("jobs", "--campaign", campaign)["jobs"][0]
            return job["state"] not in ("queued", "leased")
        bench.until(f"campaign {campaign} has ended", ended, bench.RUN_SECONDS, 0.2)
        return on.cli_json("results", "--campaign", campaign)["jobs"][0]

    def check_clean(self, on: bench.Bench, kernels: str = CLEAN_KERNELS) -> None:
        job = self.wait(on, self.submit(on, "clean", kernels))
        if job["state"] != "succeeded":
            raise AssertionError(f"{self.mode}: the board does not come back: {job['failure']}")
        count = job["instructions_p50"]
        if count != self.exact.setdefault(kernels, count):
            raise AssertionError(f"{self.mode}: {count} instructions, before {self.exact[kernels]}")

    def make_good(self, on: bench.Bench, ended: str) -> None:
        """Mends the bench. What failed there is checked by a reference job, to the instruction; what did not, by a job
        of our own."""
        for board in on.boards:
            on.control(board, cmd="clear")
            on.control(board, cmd="power", state="on")
        on.wait_idle()
        for board in on.boards:
            on.recover(board)
        if ended != "bench":
            self.check_clean(on)

    # -- one case ---------------------------------------------------------------------------------

    def disturb(self, on: bench.Bench, case: Case, values: dict) -> None:
        """Kills when the job has come to where the case says; it stands still there."""
        (counter, amount), = values.items()
        hold, parameters = HOLDS[counter]
        on.fault(FIRST, hold, **values, **parameters)
        campaign = self.submit(on, case.fault, case.kernels)
        bench.until(f"{counter} {amount}", lambda: on.control(FIRST, cmd="status")["faults"][hold][counter] == 0,
                    bench.RUN_SECONDS)
        if case.victim == "openocd":
            for pid in bench.children_named(on.processes["agent"].pid, "openocd"):
                os.kill(pid, signal.SIGKILL)
        elif case.victim == "vboard":
            on.kill(FIRST)
        else:
            on.kill(case.victim)
            on.start_server() if case.victim == "server" else on.start_agent()
        if case.victim != "vboard":
            on.control(FIRST, cmd="clear", name=hold)
        job = self.wait(on, campaign)
        if case.victim == "vboard":
            on.start_board(FIRST)
        return job

    def count_reference(self, on: bench.Bench, case: Case, values: dict) -> dict:
        """The outputs are right, only the count is not: a reference job finds out."""
        on.fault(FIRST, case.fault, **values)
        if on.cli("board", "recover", FIRST, check=False).returncode == 0:
            return {"state": "succeeded"}
        note = next(b for b in on.cli_json("boards")["boards"] if b["board_id"] == FIRST)["note"]
        return {"state": "failed", "failure": {"owner": "bench", "message": note, "evidence": []}}

    def run_job(self, on: bench.Bench, case: Case, values: dict) -> dict:
        if case.victim:
            return self.disturb(on, case, values)
        if case.fault == "clock_changed":
            return self.count_reference(on, case, values)
        two = case.boards == "two"
        if two:
            on.cli("board", "maintenance", SECOND, "--off")
        for board in on.boards if two else [FIRST]:
            on.fault(board, case.fault, **values)
        job = self.wait(on, self.submit(on, case.fault, case.kernels, 2 if two else 1, case.seconds))
        if two:
            on.cli("board", "maintenance", SECOND)
        return job

    def judge(self, on: bench.Bench, case: Case, job: dict) -> str:
        """Empty when all is as the table says."""
        failure = job.get("failure") or {}
        ended = job["state"] if job["state"] == "succeeded" else failure.get("owner", job["state"])
        text = "\n".join([failure.get("message", ""), *failure.get("evidence", [])])
        if ended != case.ends:
            return f"ended as {ended}: {text}"
        missing = [part for part in case.says.split("&") if part != "-" and part not in text]
        if missing:
            return f"does not say {missing}: {text}"
        if case.boards == "two":
            first = on.cli_json("job", job["job_id"])["attempts"][0]
            if first["failure"]["owner"] != "bench":
                return f"the first attempt ended as {first['failure']}"
        if ended == "succeeded" and job["instructions_p50"] != self.exact[case.kernels]:
            return f"{job['instructions_p50']} instructions, without the fault {self.exact[case.kernels]}"
        if case.fault in ("uart_drop", "uart_flip"):
            link = on.cli_json("manifest", job["job_id"])["measured"]["link"]
            if link["retransmits"] + link["frames_bad"] == 0:
                return f"no retransmits: {link}"
        return ""

    def run_case(self, on: bench.Bench, case: Case, seed: int) -> str:
        values = case.draw(seed)
        try:
            if case.fault != "flash_lies":  # which needs an old image
                # Blank boards: what is there already would not be written, and no fault of writing would show.
                for board in on.boards:
                    on.power_cycle(board)
            found = self.judge(on, case, self.run_job(on, case, values))
            self.make_good(on, case.ends)
        except AssertionError as error:  # The other cases are tried all the same.
            found = str(error)
        return found and f"seed {seed} {values}: {found}"

    def run(self, cases: list[Case], seeds: int) -> list[list[str]]:
        """For every case what was not as stated."""
        rows = []
        with bench.Bench(mode=self.mode, board_type=self.board) as on:
            # While it is known to be good it teaches what the reference job counts.
            on.cli("board", "recover", FIRST)
            on.cli("board", "maintenance", SECOND)
            for kernels in (UNUSED_KERNELS, CLEAN_KERNELS):
                self.check_clean(on, kernels)
            for case in cases:
                start = time.monotonic()
                rows.append([found for seed in range(1, seeds + 1) if (found := self.run_case(on, case, seed))])
                print(f"{self.mode:11} {case.board:12}{case.fault:22}{case.parameters:40}{time.monotonic() - start:6.1f} s  "
                      f"{rows[-1] or 'ok'}", file=sys.stderr, flush=True)
            self.check_books(on)
        return rows

    def check_books(self, on: bench.Bench) -> None:
        states = on.cli_json("query", "SELECT COUNT(*) AS jobs, COUNT(DISTINCT job_id) AS ids FROM jobs "
                                      "WHERE state IN ('succeeded', 'failed')")["rows"][0]
        doubled = on.cli_json("query", "SELECT job_id FROM results WHERE metric = 'instructions_p50' "
                                       "GROUP BY job_id HAVING COUNT(*) > 1")["rows"]
        if states != {"jobs": self.jobs, "ids": self.jobs} or doubled:
            raise AssertionError(f"{self.jobs} jobs were submitted, the database has {states}, twice measured: {doubled}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", action="append", help="this fault; may be given more than once")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--in-turn", action="store_true", help="the first case in the first mode, the second in the second...")
    options = parser.parse_args()
    cases = [case for case in read_table() if not options.only or case.fault in options.only]
    modes = options.modes.split(",")
    types = sorted({case.board for case in cases})
    start = time.monotonic()

    def run_mode(mode: str) -> tuple[int, dict[Case, list[str]]]:
        """Jobs, and for every case what was not as stated. One board type after the other: there are few cores."""
        jobs, found = 0, {}
        turn = modes.index(mode)
        tried = cases[turn::len(modes)] if options.in_turn else cases
        for board in types:
            matrix = Matrix(mode, board)
            mine = [case for case in tried if case.board == board]
            if not mine:
                continue
            found |= dict(zip(mine, matrix.run(mine, options.seeds)))
            jobs += matrix.jobs
        return jobs, found

    with concurrent.futures.ThreadPoolExecutor() as pool:
        seen = list(pool.map(run_mode, modes))
    width = max(len(mode) for mode in modes) + 2
    print(f"{'fault':22}{'board':12}{'parameters':40}{'boards':8}{'ends':11}" + "".join(f"{mode:>{width}}" for mode in modes))
    failures = []
    for case in cases:
        wrong = [found.get(case) for _, found in seen]
        counts = "".join(f"{'' if found is None else f'{options.seeds - len(found)}/{options.seeds}':>{width}}"
                         for found in wrong)
        print(f"{case.fault:22}{case.board:12}{case.parameters:40}{case.boards:8}{case.ends:11}{counts}")
        failures += [f"{mode}: {case.fault} {text}" for mode, found in zip(modes, wrong) for text in found or []]
    print(f"{len(cases)} cases x {options.seeds} seeds x {1 if options.in_turn else len(modes)} modes: {sum(jobs for jobs, _ in seen)} jobs, "
          f"none lost or doubled, {time.monotonic() - start:.0f} s")
    for failure in failures:
        print(failure)
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
