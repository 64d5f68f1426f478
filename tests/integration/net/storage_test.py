"""A disk without room under the server and under a bench, and a database that may not be written."""

import contextlib
import pathlib
import subprocess
import time
import unittest

import net_bench

bench = net_bench.bench
DISK_BYTES = 24 << 20


def setUpModule():
    net_bench.need_root_and_veth()


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


class Storage(unittest.TestCase):
    def rig_on(self, stack: contextlib.ExitStack, folder: str) -> tuple[net_bench.NetBench, SmallDisk]:
        net = stack.enter_context(net_bench.Network("server", *net_bench.AGENTS))
        on = net_bench.NetBench(net)
        disk = SmallDisk(on.dir / folder)
        stack.callback(disk.unmount)
        stack.enter_context(on)
        return on, disk

    def wanted(self, on: net_bench.NetBench) -> list:
        number = on.submit()
        on.wait_ended(number)
        return on.measured(number)

    def test_disk_of_the_server_is_full(self):
        with contextlib.ExitStack() as stack:
            on, disk = self.rig_on(stack, "server-state")
            wanted = self.wanted(on)
            number = on.submit()
            on.wait_running("bench1-n1")
            disk.fill()
            board = bench.until("a board says what is wrong", lambda: next(
                (b for b in on.cli_json("boards")["boards"] if "full" in b.get("note", "")), None))
            print(f"while the disk is full: {board['state']}: {board['note']}")
            refused = on.cli("run", bench.zoo_campaign(on.dir, name="more", board_type="native"), "--no-wait", check=False)
            self.assertNotEqual(refused.returncode, 0)
            print(f"a campaign then: {refused.stderr.strip()}")
            time.sleep(5)
            disk.free()
            on.wait_ended(number)
            on.assert_exactly_once(self, number, wanted, attempts=len(wanted))
            for agent in net_bench.AGENTS:
                on.wait_board(f"{agent}-n1", "idle")

    def test_disk_of_a_bench_is_full(self):
        with contextlib.ExitStack() as stack:
            on, disk = self.rig_on(stack, "bench1/state")
            wanted = self.wanted(on)
            number = on.submit()
            on.wait_running("bench1-n1")
            disk.fill()
            board = bench.until("the board says what is wrong",
                                lambda: "full" in on.board("bench1-n1").get("note", "") and on.board("bench1-n1"))
            print(f"while the disk is full: {board['state']}: {board['note']}")
            time.sleep(5)
            disk.free()
            on.wait_ended(number)
            on.assert_exactly_once(self, number, wanted)
            on.wait_board("bench1-n1", "idle")


if __name__ == "__main__":
    unittest.main(verbosity=2)
