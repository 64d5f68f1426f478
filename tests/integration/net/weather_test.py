"""A slow and lossy network, and a server that moves."""

import unittest

import net_bench


class Weather(net_bench.NetCase):
    def test_delay_and_loss(self):
        """300 ms each way, then one frame in seven lost, then both: every job is measured once, nobody is offline."""
        with net_bench.rig() as (net, on):
            for delay_s, loss in ((0.3, 0), (0, 0.15), (0.3, 0.1)):
                with self.subTest(delay_s=delay_s, loss=loss):
                    net.switch.delay_s, net.switch.loss, net.switch.lost = delay_s, loss, 0
                    number = on.submit(repetitions=2)
                    on.wait_ended(number)
                    self.assert_exactly_once(on, number, attempts=len(self.wanted))
                    self.assertEqual(net.switch.lost > 0, loss > 0)
                    self.assertNotIn("is offline", on.log("server"))

    def test_server_moves(self):
        """The server stops, and comes back under its name at another address, while a job runs on each bench."""
        with net_bench.rig() as (net, on):
            number = on.submit()
            on.wait_running("bench1-n1")
            on.stop("server")
            net.give_address("server", net_bench.SUBNET + ".77")
            net.name_server(net_bench.SERVER, net.address["server"])
            on.start_server()
            on.wait_ended(number)
            self.assert_exactly_once(on, number, attempts=len(self.wanted))

    def test_server_moves_without_a_word(self):
        """The same, but nobody closes a connection: the address is taken away under it."""
        with net_bench.rig() as (net, on):
            number = on.submit()
            on.wait_running("bench1-n1")
            net.give_address("server", net_bench.SUBNET + ".78")
            net.name_server(net_bench.SERVER, net.address["server"])
            on.wait_board("bench1-n1", "offline")
            on.wait_ended(number)
            self.assert_exactly_once(on, number, attempts=len(self.wanted))


if __name__ == "__main__":
    unittest.main(verbosity=2)
