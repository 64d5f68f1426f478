"""A cable that is pulled, and connections of which one direction is dead, while jobs run."""

import time
import unittest

import net_bench

LONGER_THAN_SILENCE = 32  # Seconds; the server takes an agent for gone after 20.


class Partition(net_bench.NetCase):
    def disturbed(self, cut, mend, offline: dict[str, str]):
        """`offline`: boards that go offline, and a word of what is said about each."""
        with net_bench.rig() as (net, on):
            number = on.submit()
            for board in offline:
                on.wait_running(board)
            began = time.monotonic()
            cut(net)
            for board, note in offline.items():
                print(f"{board}: {on.wait_board(board, 'offline', note)['note']}")
            time.sleep(max(0.0, LONGER_THAN_SILENCE - (time.monotonic() - began)))
            mend(net)
            began = time.monotonic()
            on.wait_ended(number)
            # What ran meanwhile was kept on the bench and delivered; nothing was tried again.
            self.assert_exactly_once(on, number, attempts=len(self.wanted))
            print(f"all {len(self.wanted)} jobs measured once, {time.monotonic() - began:.1f} s after the link was whole")

    def test_pulled_cable(self):
        self.disturbed(lambda net: net.link("bench1", False), lambda net: net.link("bench1", True),
                       {"bench1-n1": "its agent is not connected: "})

    def test_half_open(self):
        """bench1 does not hear the server, the server does not hear bench2."""
        self.disturbed(lambda net: net.switch.block(("server", "bench1"), ("bench2", "server")), lambda net: net.switch.block(),
                       {"bench1-n1": "its agent is not connected: ", "bench2-n1": "its agent is not connected: "})


if __name__ == "__main__":
    unittest.main(verbosity=2)
