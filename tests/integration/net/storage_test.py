"""A disk without room under the server and under a bench, and a database that may not be written."""

import contextlib
import pathlib
import subprocess
import time
import unittest

import net_bench

bench = net_bench.bench
DISK_BYTES = 48 << 20


class SmallDisk:
    """A file system of DISK_BYTES at a folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        net_bench.run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tinyrig-test", folder)

    def fill(self) -> None:
        """Whatever is freed meanwhile is taken as well: a log or an artifact may end."""
        with contextlib.suppress(OSError), open(self.folder / "ballast", "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        (self.folder / "ballast").unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class Storage(net_bench.NetCase):
    def rig_on(self, stack: contextlib.ExitStack, folder: str) -> tuple[net_bench.NetBench, SmallDisk]:
        net = stack.enter_context(net_bench.Network("server", *net_bench.AGENTS))
        on = net_bench.NetBench(net)
        disk = SmallDisk(on.dir / folder)
        stack.callback(disk.unmount)
        stack.enter_context(on)
        return on, disk

    def test_disk_of_the_server_is_full(self):
        with contextlib.ExitStack() as stack:
            on, disk = self.rig_on(stack, "server-state")
            number = on.submit()
            on.wait_running("bench1-n1")
            disk.fill()
            board = bench.until("a board says what is wrong", lambda: next(
                (b for b in on.cli_json("boards")["boards"] if "free some space" in b.get("note", "")), None))
            print(f"while the disk is full: {board['state']}: {board['note']}")
            refused = on.cli("run", bench.zoo_campaign(on.dir, name="more"), "--no-wait", check=False)
            self.assertNotEqual(refused.returncode, 0)
            print(f"a campaign then: {refused.stderr.strip()}")
            time.sleep(5)
            disk.free()
            on.wait_ended(number)
            self.assert_exactly_once(on, number, attempts=len(self.wanted))

    def test_disk_of_a_bench_is_full(self):
        with contextlib.ExitStack() as stack:
            on, disk = self.rig_on(stack, "bench1/state")
            number = on.submit()
            on.wait_running("bench1-n1")
            disk.fill()
            board = bench.until("the board says what is wrong",
                                lambda: "free some space" in on.board("bench1-n1").get("note", "") and on.board("bench1-n1"))
            print(f"while the disk is full: {board['state']}: {board['note']}")
            time.sleep(5)
            disk.free()
            on.wait_ended(number)
            self.assert_exactly_once(on, number)

    def test_database_may_not_be_written(self):
        """Its files become immutable under the server, as on a file system with errors."""
        with net_bench.rig() as (_, on):
            state = on.dir / "server-state"
            number = on.submit()
            on.wait_running("bench1-n1")
            files = [state / name for name in ("tinyrig.db", "tinyrig.db-wal", "tinyrig.db-shm")]
            with contextlib.ExitStack() as stack:
                immutable(files, True)
                stack.callback(immutable, files, False)
                board = bench.until("a board says what is wrong", lambda: next(
                    (b for b in on.cli_json("boards")["boards"] if "cannot store" in b.get("note", "")), None))
                print(f"while the database is read-only: {board['state']}: {board['note']}")
            # The server goes on by itself.
            on.wait_ended(number)
            self.assert_exactly_once(on, number, attempts=len(self.wanted))
            on.stop("server")
            with contextlib.ExitStack() as stack:
                immutable([state / "tinyrig.db"], True)
                stack.callback(immutable, [state / "tinyrig.db"], False)
                command = on.net.command("server", bench.BUILD / "bin" / "tinyrigd", "--state", state)
                refused = subprocess.run(command, capture_output=True, text=True, timeout=20)
                print(f"a server that starts then: exit code {refused.returncode}: {refused.stderr.strip()}")
                self.assertIn(refused.returncode, (2, 4))
                self.assertIn("the database is read-only", refused.stderr)
            on.start_server()
            on.wait_idle()


def immutable(files: list[pathlib.Path], on: bool) -> None:
    for file in files:
        if file.exists():
            net_bench.run("chattr", "+i" if on else "-i", file)


if __name__ == "__main__":
    unittest.main(verbosity=2)
