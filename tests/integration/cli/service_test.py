"""Local services as people start them: `tinyrig up`, and commands that start a private service themselves.

Real server, agent, OpenOCD and QEMU. Every process of a test has the test's folder in its command line,
which is how leftovers are found.
"""

import contextlib
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ["TINYRIG_BUILD_DIR"])
ZOO = pathlib.Path(os.environ["TINYRIG_SOURCE_DIR"]) / "firmware" / "zoo"
TINYRIG = BUILD / "bin" / "tinyrig"
SECONDS = 120


def until(what: str, condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Service(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tinyrig-svc-", dir="/tmp"))
        self.state = self.dir / "state"
        self.started: list[subprocess.Popen] = []

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        until("no process is left", lambda: not self.processes())
        shutil.rmtree(self.dir, ignore_errors=True)

    def processes(self) -> dict[int, str]:
        """Processes that work below this test's folder, besides those it started itself."""
        found = {}
        mine = {process.pid for process in self.started if process.poll() is None}
        for folder in pathlib.Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) in mine:
                continue
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.dir) in line:
                    found[int(folder.name)] = line
        return found

    def process_of(self, program: str) -> int | None:
        return next((pid for pid, line in self.processes().items() if line.split()[0].endswith("/" + program)), None)

    def environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("TINYRIG_")} | {"HOME": str(self.dir)}

    def command(self, *arguments) -> list[str]:
        return [str(TINYRIG), *map(str, arguments), "--state", str(self.state)]

    def run_tinyrig(self, *arguments, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=SECONDS,
                              env=self.environment(), stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *arguments) -> subprocess.Popen:
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment(), stdin=subprocess.DEVNULL, start_new_session=True)
        self.started.append(process)
        return process

    def up(self, *arguments) -> tuple[subprocess.Popen, dict]:
        process = self.start("up", "--json", *arguments)
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                return process, json.loads(text)
        raise AssertionError(f"up ended: {process.stderr.read()}")

    def end(self, process: subprocess.Popen, how: int = signal.SIGINT) -> int:
        process.send_signal(how)
        process.communicate(timeout=30)
        return process.returncode

    # -- tests ----------------------------------------------------------------------------------

    def test_run_and_report_without_any_service(self):
        done = self.run_tinyrig("run", ZOO / "demo.yaml")
        self.assertIn("6 jobs: 6 succeeded", done.stdout)
        self.assertIn("Front on virtual_m4", done.stdout)
        self.assertEqual(self.processes(), {})
        page = self.dir / "report.html"
        self.run_tinyrig("report", "--html", page, "--junit", self.dir / "junit.xml")
        self.assertIn("Trade-off on virtual_m4", page.read_text())
        self.assertEqual(self.processes(), {})

    def test_state_folders_may_be_long_and_have_blanks(self):
        self.state = self.dir / ("a long name " * 8) / "state"
        jobs = json.loads(self.run_tinyrig("run", ZOO / "digits_ds.tflite", "--json").stdout)["jobs"]
        self.assertEqual([job["state"] for job in jobs], ["succeeded"])
        self.assertEqual(json.loads(self.run_tinyrig("jobs", "--json").stdout)["jobs"][0]["state"], "succeeded")

    def test_up_runs_restarts_and_stops(self):
        process, ready = self.up("--virtual", "m4,m4")
        self.assertEqual(ready["boards"], ["m4-1", "m4-2"])
        boards = json.loads(self.run_tinyrig("boards", "--json").stdout)["boards"]
        self.assertEqual([(b["board_id"], b["state"]) for b in boards], [("m4-1", "idle"), ("m4-2", "idle")])
        self.assertIn("already runs", self.run_tinyrig("up", code=1).stderr)
        for program in ("tinyrigd", "tinyrig-agent", "tinyrig-vboard"):
            pid = self.process_of(program)
            self.assertIsNotNone(pid, program)
            os.kill(pid, signal.SIGKILL)
            until(f"{program} is back", lambda: self.process_of(program) not in (None, pid))
        self.run_tinyrig("run", ZOO / "digits_ds.tflite", "--wait")
        self.assertEqual(self.end(process), 0)
        self.assertEqual(self.processes(), {})

    def test_children_die_with_a_killed_up(self):
        process, _ = self.up("--virtual", "m4")
        self.assertIsNotNone(self.process_of("tinyrigd"))
        self.end(process, signal.SIGKILL)
        until("all children have ended", lambda: not self.processes())
        # What was left behind does not stand in the way.
        process, _ = self.up("--virtual", "m4")
        self.assertEqual(self.end(process, signal.SIGTERM), 0)

    def test_an_interrupted_run_can_be_watched_to_its_end(self):
        run = self.start("run", ZOO / "demo.yaml")
        self.assertTrue(any("succeeded" in line for line in run.stderr), "no job ended")
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
        self.assertEqual(run.returncode, 130, err)
        self.assertIn("tinyrig watch 1", err)
        document = json.loads(self.run_tinyrig("watch", "--json").stdout)
        self.assertEqual([job["state"] for job in document["jobs"]], ["succeeded"] * 6)

    def test_ctrl_c_on_a_terminal_asks_and_cancels(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(TINYRIG, self.command("run", ZOO / "demo.yaml"), self.environment() | {"TERM": "xterm"})
        screen = ""

        def see(text: str) -> None:
            nonlocal screen
            deadline = time.monotonic() + SECONDS
            while text not in screen:
                self.assertLess(time.monotonic(), deadline, screen)
                if select.select([terminal], [], [], 0.1)[0]:
                    with contextlib.suppress(OSError):  # The terminal is gone when the program has ended.
                        screen += os.read(terminal, 4096).decode(errors="replace")

        see("job 1 ")  # The progress line or an ending.
        os.write(terminal, b"\x03")
        see("[c]ancel it, [l]eave it")
        os.write(terminal, b"c\n")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 130, screen)
        states = {job["state"] for job in json.loads(self.run_tinyrig("jobs", "--json").stdout)["jobs"]}
        self.assertIn("cancelled", states)
        self.assertFalse(states & {"queued", "leased"}, states)

    def test_boards_that_are_kept_take_no_jobs(self):
        self.up("--virtual", "m4,m4")
        done = self.run_tinyrig("board", "reserve", "m4-1", "--for", "2h", "--reason", "soldering", "--user", "anna")
        self.assertIn("board release m4-1", done.stdout)
        board = json.loads(self.run_tinyrig("boards", "--json").stdout)["boards"][0]
        self.assertEqual((board["state"], board["reserved_by"], board["note"]), ("reserved", "anna", "soldering"))
        self.assertIn("m4-1: reserved by anna until", self.run_tinyrig("boards").stdout)
        self.assertIn("anna", self.run_tinyrig("board", "reserve", "m4-1", "--user", "bert", code=1).stderr)
        self.assertIn("anna", self.run_tinyrig("board", "release", "m4-1", "--user", "bert", code=1).stderr)
        jobs = json.loads(self.run_tinyrig("run", ZOO / "demo.yaml", "--wait", "--json").stdout)["jobs"]
        self.assertEqual({job["board"] for job in jobs}, {"m4-2"})

        self.run_tinyrig("board", "maintenance", "m4-2", "--reason", "fan is loud")
        self.assertIn("m4-2: in maintenance: fan is loud", self.run_tinyrig("boards").stdout)
        self.run_tinyrig("board", "release", "m4-1", "--user", "anna")
        again = json.loads(self.run_tinyrig("rerun", jobs[0]["job_id"], "--wait", "--json").stdout)
        self.assertEqual((again["state"], again["board"]), ("succeeded", "m4-1"))
        self.assertEqual(again["instructions_p50"], jobs[0]["instructions_p50"])
        self.run_tinyrig("board", "maintenance", "m4-2", "--off")
        states = [b["state"] for b in json.loads(self.run_tinyrig("boards", "--json").stdout)["boards"]]
        self.assertEqual(states, ["idle", "idle"])
        self.assertIn("there is no board", self.run_tinyrig("board", "reserve", "m5-1", code=1).stderr)
        self.assertIn("passed and is good", self.run_tinyrig("board", "recover", "m4-1").stdout)
        # What the server runs for itself is nobody's result.
        self.assertEqual(len(json.loads(self.run_tinyrig("jobs", "--json").stdout)["jobs"]), len(jobs) + 1)
        rows = json.loads(self.run_tinyrig("query", "SELECT * FROM reference_jobs", "--json").stdout)["rows"]
        self.assertEqual([(row["board_id"], row["state"]) for row in rows], [("m4-1", "succeeded")])
        self.assertGreater(rows[0]["expected"], 0)
        self.assertEqual(rows[0]["counted"], rows[0]["expected"])

    def test_a_job_tells_where_its_time_went(self):
        jobs = json.loads(self.run_tinyrig("run", ZOO / "digits_ds.tflite", "--json").stdout)["jobs"]
        text = self.run_tinyrig("job", jobs[0]["job_id"], "--timeline").stdout
        self.assertIn("agent overhead beyond flash and device time: ", text)
        self.assertRegex(text, r"flash +\d.* ms +\d+ % +#")
        attempt = json.loads(self.run_tinyrig("job", jobs[0]["job_id"], "--json").stdout)["attempts"][0]
        self.assertGreater(attempt["agent_overhead_us"], 0)
        self.assertLess(attempt["agent_overhead_us"], attempt["duration_us"])
        # Without a service, a rerun brings its own boards.
        again = json.loads(self.run_tinyrig("rerun", jobs[0]["job_id"], "--json").stdout)
        self.assertEqual(again["instructions_p50"], jobs[0]["instructions_p50"])

    def test_two_runs_at_once_share_a_private_service(self):
        first = self.start("run", ZOO / "digits_ds.tflite", "--json", "--wait")
        second = self.start("run", ZOO / "digits_cnn.tflite", "--json", "--wait")
        for process in (first, second):
            out, err = process.communicate(timeout=SECONDS)
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(json.loads(out)["jobs"][0]["state"], "succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
