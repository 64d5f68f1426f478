"""A server and two benches on three hosts of a network, and what must be true of a campaign whatever happened to them."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import bench  # noqa: E402
from network import SUBNET, Network, run  # noqa: E402,F401

SERVER = "rig.test"
PORT = 7410
UNAVAILABLE = 5  # Exit code of the client.
AGENTS = ("bench1", "bench2")
# Of a native board: what does not depend on the host's speed.
EXACT = ("accuracy_top1", "output_mismatches", "flash_model_bytes", "arena_bytes", "arena_used_bytes")


def need_root_and_veth() -> None:
    if os.geteuid() != 0:
        raise unittest.SkipTest("network namespaces need root")
    if shutil.which("ip") is None:
        raise unittest.SkipTest("no program 'ip'; install iproute2 (deploy/bootstrap)")


class NetBench(bench.Bench):
    """Board bench1-n1 on host bench1, bench2-n1 on bench2; the server listens with TLS on its address."""

    def __init__(self, net: Network, server_options=(), environment=None):
        super().__init__(boards=0)
        self.net = net
        self.server_options = server_options
        self.environment = environment or {}  # By host.
        self.boards = [f"{agent}-n1" for agent in AGENTS]

    def __enter__(self):
        self.net.name_server(SERVER, self.net.address["server"])
        make = [str(bench.SOURCE / "deploy" / "tls" / "make-certs"), str(self.dir / "tls")]
        for what in (["server", SERVER], *(["bench", agent] for agent in AGENTS)):
            subprocess.run(make + what, check=True, capture_output=True)
        try:
            self.start_server()
            for agent in AGENTS:
                self.start_agent(agent)
            self.wait_idle()
        except BaseException:
            self.__exit__(*([None] * 3))
            raise
        return self

    def _spawn_on(self, host: str, name: str, *command) -> None:
        variables = [f"{key}={value}" for key, value in self.environment.get(host, {}).items()]
        self._spawn(name, *self.net.command(host, "env", *variables, *command))

    def start_server(self) -> None:
        tls = self.dir / "tls"
        self._spawn_on("server", "server", bench.BUILD / "bin" / "tinyrigd", "--state", self.dir / "server-state",
                       "--listen", f"unix:{self.server_socket}", "--listen", f"0.0.0.0:{PORT}",
                       "--tls-cert", tls / "server.crt", "--tls-key", tls / "server.key", "--tls-client-ca",
                       tls / "ca.crt", *self.server_options)
        bench.until("the server answers", lambda: self.cli("boards", check=False).returncode == 0)

    def start_agent(self, agent: str) -> None:
        home, tls = self.dir / agent, self.dir / "tls"
        (home / "n1").mkdir(parents=True, exist_ok=True)
        (home / "bench.yaml").write_text("\n".join([
            f"bench: {agent}", f"server: {SERVER}:{PORT}", f"state_dir: {home}/state", "boards:",
            f"  - id: {agent}-n1", "    type: native",
            f"    probe: {{driver: native, serial: {agent}-n1, folder: {home}/n1}}",
            f"    link: {{driver: uart, port: {home}/n1/tty}}"]) + "\n")
        self._spawn_on(agent, agent, bench.BUILD / "bin" / "tinyrig-agent", "--bench", home / "bench.yaml", "--ca",
                       tls / "ca.crt", "--cert", tls / f"{agent}.crt", "--key", tls / f"{agent}.key")

    def cli(self, *arguments, check: bool = True) -> subprocess.CompletedProcess:
        """A busy machine may take longer than a client waits for the server's first word: then it asks again."""
        for _ in range(10):
            done = super().cli(*arguments, check=False)
            if done.returncode != UNAVAILABLE or not check:
                break
        return super().cli(*arguments, check=True) if check and done.returncode != 0 else done

    # -- what people see ------------------------------------------------------------------------

    def board(self, board: str) -> dict:
        return next(b for b in self.cli_json("boards")["boards"] if b["board_id"] == board)

    def wait_board(self, board: str, state: str, note: str = "", seconds: float = 60) -> dict:
        def is_so():
            seen = self.board(board)
            return seen if seen["state"] == state and note in seen.get("note", "") else None
        try:
            return bench.until(f"{board} is {state} '{note}'", is_so, seconds, 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.board(board)}") from None

    # -- campaigns ------------------------------------------------------------------------------

    def submit(self, copies: int = 1, repetitions: int = 12, **extra) -> int:
        """Six jobs a copy; about a second each."""
        path = bench.zoo_campaign(self.dir, board_type="native", copies=copies, repetitions=repetitions, **extra)
        return self.cli_json("run", path, "--no-wait")["campaign_id"]

    def states(self, campaign: int) -> dict[str, int]:
        states = [job["state"] for job in self.cli_json("jobs", "--campaign", campaign)["jobs"]]
        return {state: states.count(state) for state in set(states)}

    def wait_running(self, board: str) -> None:
        bench.until(f"{board} runs a job", lambda: self.board(board)["state"] == "busy", every=0.02)

    def wait_ended(self, campaign: int, seconds: float = 120) -> None:
        bench.until("the campaign has ended", lambda: not {"queued", "leased"} & set(self.states(campaign)), seconds, 0.5)

    def rows(self, sql: str) -> list[dict]:
        return self.cli_json("query", sql)["rows"]

    def measured(self, campaign: int) -> list:
        """What was measured, job by job, without anything that may differ between two runs."""
        jobs = self.cli_json("results", "--campaign", campaign)["jobs"]
        return sorted((j["model"], j["variant"]["kernels"], j["variant"]["weights"], j["state"],
                       *(j.get(key) for key in EXACT)) for j in jobs)

    def __exit__(self, *args):
        for host in AGENTS:
            if host in self.processes:
                self.stop(host)
        super().__exit__(*args)


@contextlib.contextmanager
def rig(**options):
    """A network of three hosts with a server and two benches that are idle."""
    with Network("server", *AGENTS) as net, NetBench(net, **options) as on:
        yield net, on


class NetCase(unittest.TestCase):
    """A test with what a campaign measures when nothing disturbs it."""

    @classmethod
    def setUpClass(cls):
        need_root_and_veth()
        with rig() as (_, on):
            number = on.submit()
            on.wait_ended(number)
            cls.wanted = on.measured(number)

    def assert_exactly_once(self, on: NetBench, campaign: int, attempts: int | None = None) -> None:
        """Every job was measured, once, as without disturbance; `attempts`: how many there were in all."""
        self.assertEqual(on.measured(campaign), self.wanted)
        succeeded = on.rows("SELECT job_id, SUM(outcome = 'succeeded') AS n FROM runs "
                            f"WHERE campaign_id = {campaign} GROUP BY job_id")
        self.assertEqual([row["n"] for row in succeeded], [1] * len(self.wanted))
        # One row a job and metric.
        self.assertEqual(on.rows("SELECT job_id, metric, COUNT(*) AS n FROM results "
                                 f"WHERE campaign_id = {campaign} GROUP BY job_id, metric HAVING n > 1"), [])
        if attempts is not None:
            ran = on.rows(f"SELECT COUNT(*) AS n FROM runs WHERE campaign_id = {campaign}")[0]["n"]
            self.assertEqual(ran, attempts)
        for agent in AGENTS:
            spool = on.dir / agent / "state" / "spool"
            bench.until(f"the spool of {agent} is empty", lambda: not list(spool.iterdir()))
            on.wait_board(f"{agent}-n1", "idle")
