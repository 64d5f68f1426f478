"""The wall clock jumps by an hour, forth and back, on the server and on a bench, while jobs run."""

import pathlib
import unittest

import net_bench

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
HOUR_US = 3600 * 1_000_000


def setUpModule():
    if not FAKETIME.exists():
        raise unittest.SkipTest(f"{FAKETIME} is not installed; apt-get install libfaketime")


class Clock(net_bench.NetCase):
    def environment(self, folder: pathlib.Path, host: str) -> dict[str, str]:
        """A process whose wall clock is off by what the host's file says; steady time stays as it is."""
        self.set_clock(folder, host, "+0")
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(folder / f"{host}.clock"),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set_clock(self, folder: pathlib.Path, host: str, offset: str) -> None:
        (folder / f"{host}.clock").write_text(offset + "\n")

    def test_jumps(self):
        with net_bench.Network("server", *net_bench.AGENTS) as net:
            on = net_bench.NetBench(net)
            for host in ("server", "bench1"):
                on.environment[host] = self.environment(on.dir, host)
            with on:
                for host, offset in (("server", "+3600"), ("bench1", "+3600"), ("server", "-3600"), ("bench1", "-3600")):
                    with self.subTest(host=host, offset=offset):
                        number = on.submit()
                        on.wait_running("bench1-n1")
                        self.set_clock(on.dir, host, offset)
                        on.wait_ended(number)
                        # No lease ran out, nobody was taken for silent.
                        self.assert_exactly_once(on, number, attempts=len(self.wanted))
                        self.assertNotIn("is offline", on.log("server"))
                        spans = on.rows(f"SELECT MIN(duration_us) AS low, MAX(duration_us) AS high FROM runs WHERE campaign_id = {number}")
                        self.assertGreaterEqual(spans[0]["low"], 0)
                        self.assertLess(spans[0]["high"], HOUR_US / 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
