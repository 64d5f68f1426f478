"""Cables that are pulled, and connections of which one direction is dead."""

import time
import unittest

import net_bench

SILENCE = 20  # Seconds after which the server takes an agent for gone.


def setUpModule():
    net_bench.need_root_and_veth()


class Partition(unittest.TestCase):
    def disturbed(self, cut, mend, offline_note: str):
        with net_bench.rig() as (net, on):
            number = on.submit()
            on.wait_ended(number)
            wanted = on.measured(number)
            number = on.submit()
            on.wait_running("bench1-n1")
            cut(net)
            began = time.monotonic()
            board = on.wait_board("bench1-n1", "offline", offline_note, 3 * SILENCE)
            print(f"bench1 offline after {time.monotonic() - began:.1f} s: {board['note']}")
            time.sleep(max(0.0, 32 - (time.monotonic() - began)))
            # The other bench has gone on meanwhile, and nothing was taken from the first.
            self.assertEqual(on.board("bench2-n1")["health"], "good")
            mend(net)
            began = time.monotonic()
            on.wait_ended(number)
            on.assert_exactly_once(self, number, wanted, attempts=len(wanted))
            print(f"all {len(wanted)} jobs measured once, {time.monotonic() - began:.1f} s after the link was whole")
            for name in net_bench.AGENTS:
                on.wait_board(f"{name}-n1", "idle")

    def test_pulled_cable(self):
        self.disturbed(lambda net: net.link("bench1", False), lambda net: net.link("bench1", True), "")

    def test_server_is_not_heard(self):
        self.disturbed(lambda net: net.switch.block(("server", "bench1")), lambda net: net.switch.block(), "")

    def test_bench_is_not_heard(self):
        self.disturbed(lambda net: net.switch.block(("bench1", "server")), lambda net: net.switch.block(), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
