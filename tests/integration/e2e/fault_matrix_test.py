"""Every fault of the virtual board, for several seeds and both ways of driving OpenOCD: each job ends as
fault_table.tsv says, the board works again afterwards, and no job is lost or doubled.

    fault_matrix_test.py [--seeds N] [--only FAULT] [--modes one_shot,long_lived]

prints the table with what was seen. Exit status 1 when something differs.
"""

import argparse
import dataclasses
import pathlib
import sys

import bench

TABLE = pathlib.Path(__file__).with_name("fault_table.tsv")
SEEDS = 5
SEEDED = ("uart_drop", "uart_flip", "uart_garbage_at_boot")
MODES = ("one_shot", "long_lived")
BOARD = "b1"
STREAMING = 4000  # Bytes to the board after which vectors must be under way: HELLO and Start have some hundred.


@dataclasses.dataclass(frozen=True)
class Case:
    fault: str
    parameters: dict
    when: str
    ends: str
    says: str


def read_table() -> list[Case]:
    cases = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("#") or not line:
            continue
        fault, parameters, when, ends, says = line.split("\t")
        pairs = [] if parameters == "-" else [pair.split("=") for pair in parameters.split(",")]
        cases.append(Case(fault, {name: float(value) for name, value in pairs}, when, ends, says))
    return cases


def campaign(on: bench.Bench, name: str) -> pathlib.Path:
    path = on.dir / f"{name}.yaml"
    path.write_text(f"name: {name}\nmodels: [{bench.ZOO}/digits_ds.tflite]\nvariants: {{kernels: [dsp], weights: [int8]}}\n"
                    f"board_types: [virtual_m4]\nvectors: {bench.ZOO}/digits_test.npz\nmax_attempts: 1\n")
    return path


class Matrix:
    def __init__(self, mode: str):
        self.mode = mode
        self.jobs = 0
        self.exact = None

    def run_job(self, on: bench.Bench, name: str, during=None) -> dict:
        """One job; `during` is called once vectors are streamed."""
        submitted = on.cli_json("run", campaign(on, name), "--no-wait")["campaign_id"]
        self.jobs += 1
        if during is not None:
            start = on.control(BOARD, cmd="status")["uart_bytes_to_board"]
            bench.until("vectors are streamed", lambda: on.control(BOARD, cmd="status")["uart_bytes_to_board"] > start + STREAMING)
            during()
        bench.until(f"the job of {name} has ended", lambda: self.ended(on, submitted), bench.RUN_SECONDS)
        return on.cli_json("results", "--campaign", submitted)["jobs"][0]

    def ended(self, on: bench.Bench, campaign_id: int) -> bool:
        job = on.cli_json("jobs", "--campaign", campaign_id)["jobs"][0]
        return job["state"] not in ("queued", "leased")

    def make_good(self, on: bench.Bench) -> None:
        """Clears all faults and proves that the board measures as before."""
        on.control(BOARD, cmd="clear")
        on.control(BOARD, cmd="power", state="on")
        on.recover(BOARD)
        job = self.run_job(on, "clean")
        if job["state"] != "succeeded":
            raise AssertionError(f"the board does not come back: {job['failure']}")
        count = job["instructions_p50"]
        self.exact = self.exact or count
        if count != self.exact:
            raise AssertionError(f"{count} instructions, before {self.exact}")

    def run_case(self, on: bench.Bench, case: Case, seed: int) -> str:
        """Empty when all is as the table says."""
        parameters = dict(case.parameters)
        if case.fault in SEEDED:
            parameters["seed"] = seed
        set_fault = lambda: on.fault(BOARD, case.fault, **parameters)
        if case.when == "before":
            set_fault()
        job = self.run_job(on, case.fault, set_fault if case.when == "stream" else None)
        failure = job.get("failure") or {}
        ended = job["state"] if job["state"] == "succeeded" else failure.get("owner", job["state"])
        text = "\n".join([failure.get("message", ""), *failure.get("evidence", [])])
        if ended != case.ends:
            return f"ended as {ended}: {text}"
        if case.says != "-" and case.says not in text:
            return f"does not say '{case.says}': {text}"
        if ended == "succeeded" and job["instructions_p50"] != self.exact:
            return f"{job['instructions_p50']} instructions, without the fault {self.exact}"
        return ""

    def run(self, cases: list[Case], seeds: int) -> list[tuple[Case, int, list[str]]]:
        """For every case how often it was as stated, and what was not."""
        rows = []
        with bench.Bench(boards=1, mode=self.mode) as on:
            self.make_good(on)
            for case in cases:
                wrong = []
                for seed in range(1, seeds + 1):
                    found = self.run_case(on, case, seed)
                    if found:
                        wrong.append(f"seed {seed}: {found}")
                    self.make_good(on)
                rows.append((case, seeds - len(wrong), wrong))
                print(f"{self.mode}: {case.fault}: {'ok' if not wrong else wrong}", file=sys.stderr, flush=True)
            states = on.cli_json("query", "SELECT COUNT(*) AS jobs, COUNT(DISTINCT job_id) AS ids FROM jobs "
                                          "WHERE state IN ('succeeded', 'failed')")["rows"][0]
            doubled = on.cli_json("query", "SELECT job_id FROM results WHERE metric = 'instructions_p50' "
                                           "GROUP BY job_id HAVING COUNT(*) > 1")["rows"]
        if states != {"jobs": self.jobs, "ids": self.jobs} or doubled:
            raise AssertionError(f"{self.jobs} jobs were submitted, the database has {states}, twice measured: {doubled}")
        return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", action="append", help="this fault; may be given more than once")
    parser.add_argument("--modes", default=",".join(MODES))
    options = parser.parse_args()
    cases = [case for case in read_table() if not options.only or case.fault in options.only]
    modes = options.modes.split(",")
    seen = {mode: Matrix(mode).run(cases, options.seeds) for mode in modes}
    width = max(len(mode) for mode in modes) + 2
    print(f"{'fault':22}{'parameters':24}{'set':8}{'ends':11}" + "".join(f"{mode:>{width}}" for mode in modes))
    failures = []
    for index, case in enumerate(cases):
        parameters = ",".join(f"{k}={v:g}" for k, v in case.parameters.items()) or "-"
        counts = "".join(f"{f'{seen[mode][index][1]}/{options.seeds}':>{width}}" for mode in modes)
        print(f"{case.fault:22}{parameters:24}{case.when:8}{case.ends:11}{counts}")
        failures += [f"{mode}: {case.fault} {parameters}: {text}" for mode in modes for text in seen[mode][index][2]]
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
