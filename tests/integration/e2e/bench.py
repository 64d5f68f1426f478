"""A private bench for end-to-end tests: real tinyrigd, tinyrig-agent, tinyrig-vboard, tinyrig.

Every process has its own folder and log; all are ended by PID. Nothing here reads the wall clock to
judge a result.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import zipfile

SOURCE = pathlib.Path(os.environ.get("TINYRIG_SOURCE_DIR", pathlib.Path(__file__).parents[3])).absolute()
BUILD = pathlib.Path(os.environ.get("TINYRIG_BUILD_DIR", SOURCE / "build" / "release")).absolute()
ZOO = SOURCE / "firmware" / "zoo"
START_SECONDS = 60
RUN_SECONDS = 280


def foreign_data(*parts: str) -> pathlib.Path:
    """A file of the foreign test data; skips the test, or fails it where the data must be there."""
    root = pathlib.Path(os.environ.get("TINYRIG_TEST_DATA", SOURCE.parent / "shared" / "data"))
    path = root.joinpath(*parts)
    if not path.exists():
        if os.environ.get("TINYRIG_REQUIRE_DATA") == "1":
            raise AssertionError(f"{path} is missing and TINYRIG_REQUIRE_DATA=1")
        raise unittest.SkipTest(f"{path} is not here; set TINYRIG_TEST_DATA")
    return path


def children_named(pid: int, name: str) -> list[int]:
    """Pids of the children of a process that run this program."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # It has ended meanwhile.
        command, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if command == name and int(rest[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def until(what: str, condition, seconds: float = START_SECONDS, every: float = 0.05):
    """Waits for condition() to be true and returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


# Where the unique id of a type's microcontroller lies, and what its debug port says it is.
UID_ADDRESS = {"virtual_m4": 0x003FFFF0, "virtual_m7": 0x003FFFF0, "virtual_f4": 0x1FFF7A10}
DPIDR = {"virtual_m7": 0x5BA02477}


class Bench:
    """Boards b1, b2, ... of one type. `crossed` swaps the links of the first two, `mode` is the probe's."""

    def __init__(self, boards: int = 2, crossed: bool = False, mode: str = "long_lived", board_type: str = "virtual_m4"):
        # Socket paths are short, so not below a deep build folder.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tinyrig-e2e-", dir="/tmp"))
        self.boards = [f"b{i + 1}" for i in range(boards)]
        self.crossed = crossed
        self.mode = mode
        self.board_type = board_type
        self.processes: dict[str, subprocess.Popen] = {}

    def __enter__(self):
        try:
            for board in self.boards:
                self.start_board(board)
            self._write_bench_file()
            self.start_server()
            self.start_agent()
            self.wait_idle()
        except BaseException:
            self.__exit__(*([None] * 3))
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- processes ------------------------------------------------------------------------------

    def _spawn(self, name: str, *command) -> None:
        log = open(self.dir / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, cwd=self.dir, start_new_session=True)
        log.close()

    def start_board(self, board: str) -> None:
        (self.dir / board).mkdir(exist_ok=True)
        serial = f"VB{board[1:]:>04}"
        self._spawn(board, BUILD / "bin" / "tinyrig-vboard", "--type", self.board_type, "--serial", serial,
                    "--dir", self.dir / board)

        def serves() -> bool:  # A socket may be there from one that was killed.
            with contextlib.suppress(OSError, ValueError):
                return self.control(board, cmd="status")["ok"]
            return False
        until(f"{board} is up", serves)

    def start_server(self, *options) -> None:
        self._spawn("server", BUILD / "bin" / "tinyrigd", "--state", self.dir / "server-state", *options)
        until("the server answers", lambda: self.cli("boards", check=False).returncode == 0)

    def start_agent(self, *options) -> None:
        self._spawn("agent", BUILD / "bin" / "tinyrig-agent", "--bench", self.dir / "bench.yaml", *options)

    def wait_idle(self) -> None:
        def idle():
            states = {b["board_id"]: b["state"] for b in self.cli_json("boards")["boards"]}
            return all(states.get(board) in ("idle", "maintenance") for board in self.boards)
        until("all boards are idle", idle)

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, name: str) -> None:
        self.stop(name, signal.SIGKILL)

    def log(self, name: str) -> str:
        return (self.dir / f"{name}.log").read_text(errors="replace")

    # -- boards ---------------------------------------------------------------------------------

    def _write_bench_file(self) -> None:
        links = list(self.boards)
        if self.crossed:
            links[0], links[1] = links[1], links[0]
        lines = ["bench: e2e", f"server: unix:{self.server_socket}", f"state_dir: {self.dir}/agent-state", "boards:"]
        for board, link in zip(self.boards, links):
            serial = f"VB{board[1:]:>04}"
            lines += [
                f"  - id: {board}", f"    type: {self.board_type}",
                "    probe:", "      driver: openocd", f"      config: {self.board_type}.cfg", f"      serial: {serial}",
                f"      mode: {self.mode}",
                f"      uid_address: {UID_ADDRESS[self.board_type]:#010x}",
                f"      dpidr: {DPIDR.get(self.board_type, 0x2BA01477):#010x}", "      env:",
                f"        LD_PRELOAD: {BUILD}/lib/tinyrig/libtinyrig-hidapi.so",
                f"        TINYRIG_VBOARD_DAP: {self.dir}/{board}/dap.sock",
                "    link:", "      driver: uart", f"      port: {self.dir}/{link}/tty", "      baud: 115200",
                "    power:", "      driver: virtual", f"      control: {self.dir}/{board}/control.sock",
            ]
        (self.dir / "bench.yaml").write_text("\n".join(lines) + "\n")

    def control(self, board: str, **request) -> dict:
        """One request to the virtual board's control socket."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.dir / board / "control.sock"))
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(client.makefile().readline())
        if not answer.get("ok"):
            raise AssertionError(f"{board}: {request} answered {answer}")
        return answer

    def power_cycle(self, board: str) -> None:
        self.control(board, cmd="power", state="cycle")

    def recover(self, board: str) -> None:
        """What a person does with a board that failed, after mending it."""
        def health() -> str:
            return next(b for b in self.cli_json("boards")["boards"] if b["board_id"] == board)["health"]
        until(f"{board} has a verdict", lambda: health() != "suspect")
        if health() == "quarantined":
            self.cli("board", "recover", board)
            until(f"{board} has recovered", lambda: health() == "good")

    def recover_quarantined(self) -> None:
        for board in self.cli_json("boards")["boards"]:
            if board["health"] == "quarantined":
                self.cli("board", "recover", board["board_id"], check=False)

    def fault(self, board: str, name: str, **params) -> None:
        self.control(board, cmd="fault", name=name, **params)

    # -- client ---------------------------------------------------------------------------------

    @property
    def server_socket(self) -> pathlib.Path:
        return self.dir / "server-state" / "tinyrigd.sock"

    def _command(self, *arguments) -> list[str]:
        return [str(BUILD / "bin" / "tinyrig"), *map(str, arguments), "--server", f"unix:{self.server_socket}"]

    def cli(self, *arguments, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(self._command(*arguments), capture_output=True, text=True, timeout=RUN_SECONDS,
                              stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"tinyrig {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def cli_json(self, *arguments, check: bool = True) -> dict:
        done = self.cli(*arguments, "--json", check=check)
        return json.loads(done.stdout)

    def cli_background(self, *arguments) -> subprocess.Popen:
        return subprocess.Popen(self._command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL)


class NativeBench(Bench):
    """Boards b1, b2, ... of type native: processes that the agent starts."""

    def start_board(self, board: str) -> None:
        """The agent does that."""

    def _write_bench_file(self) -> None:
        lines = ["bench: e2e", f"server: unix:{self.server_socket}", f"state_dir: {self.dir}/agent-state", "boards:"]
        for board in self.boards:
            lines += [f"  - id: {board}", "    type: native",
                      f"    probe: {{driver: native, serial: {board}, folder: {self.dir}/{board}}}",
                      f"    link: {{driver: uart, port: {self.dir}/{board}/tty}}"]
        (self.dir / "bench.yaml").write_text("\n".join(lines) + "\n")

    def board_processes(self) -> list[pathlib.Path]:
        """/proc/PID of each board that runs."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                if len(arguments) > 1 and arguments[1].startswith(bytes(self.dir) + b"/"):
                    found.append(process)
        return found


def few_vectors(folder: pathlib.Path, count: int = 60) -> pathlib.Path:
    """The first vectors of the zoo's file, for jobs that are over in a second."""
    path = folder / f"first_{count}.npz"
    with zipfile.ZipFile(ZOO / "digits_test.npz") as whole, zipfile.ZipFile(path, "w") as few:
        for name in ("x.npy", "labels.npy"):
            array = whole.read(name)
            data = 10 + int.from_bytes(array[8:10], "little")  # Of the .npy format, version 1.
            header = array[:data].replace(b"(360,", f"({count:3},".encode())
            few.writestr(name, header + array[data:data + count * (len(array) - data) // 360])
    return path


def zoo_campaign(folder: pathlib.Path, name: str = "zoo", board_type: str = "virtual_m4", copies: int = 1,
                 **extra) -> pathlib.Path:
    """A campaign over both zoo models in every variant of the demo, six jobs a copy."""
    models = []
    for copy in range(copies):
        for model in ("digits_cnn", "digits_ds"):
            models.append(folder / f"{model}_{copy}.tflite" if copies > 1 else ZOO / f"{model}.tflite")
            if copies > 1:  # Told apart by zeros behind their end.
                models[-1].write_bytes((ZOO / f"{model}.tflite").read_bytes() + bytes(4 * copy))
    extra.setdefault("vectors", ZOO / "digits_test.npz")
    text = "\n".join([
        f"name: {name}", f"models: [{', '.join(map(str, models))}]",
        "variants:", "  kernels: [reference, dsp]", "  weights: [int8, int16]",
        "exclude:", "  - {kernels: reference, weights: int16}",
        f"board_types: [{board_type}]",
        *(f"{key}: {value}" for key, value in extra.items()),
    ])
    path = folder / f"{name}.yaml"
    path.write_text(text + "\n")
    return path
