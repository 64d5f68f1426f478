"""A board that fails is checked by a job of the server's own, quarantined, and comes back by recovery only."""

import unittest

import bench

MODEL = bench.ZOO / "digits_cnn.tflite"


class Health(unittest.TestCase):
    def board(self, on, name):
        return next(b for b in on.cli_json("boards")["boards"] if b["board_id"] == name)

    def healths(self, on):
        return [b["health"] for b in on.cli_json("boards")["boards"]]

    def run_model(self, on, kernels="dsp"):
        return on.cli_json("run", MODEL, "--vectors", "A", "--variant", f"kernels={kernels},weights=int8", "--wait",
                           check=False)["jobs"]

    def test_quarantine_and_recovery(self):
        with bench.Bench(boards=2) as on:
            first = self.run_model(on)[0]
            self.assertEqual(first["state"], "succeeded")
            on.fault("b1", "flash_lost")
            on.fault("b2", "flash_lost")
            # Fails on one, then on the other, then nobody is left. Another image than that of before, which a board
            # that loses writes still has.
            job = self.run_model(on, "reference")[0]
            self.assertEqual((job["state"], job["failure"]["owner"]), ("failed", "bench"))
            bench.until("both are quarantined", lambda: self.healths(on) == ["quarantined"] * 2, bench.RUN_SECONDS)
            self.assertIn("board recover b1", self.board(on, "b1")["note"])

            # Restarts change nothing.
            on.kill("server")
            on.start_server()
            on.wait_idle()
            self.assertEqual(self.healths(on), ["quarantined"] * 2)

            # Not mended: not good.
            self.assertEqual(on.cli("board", "recover", "b1", check=False).returncode, 4)
            on.control("b1", cmd="clear")
            self.assertIn("passed", on.cli("board", "recover", "b1").stdout)
            again = self.run_model(on)[0]
            self.assertEqual((again["state"], again["board"]), ("succeeded", "b1"))
            self.assertEqual(again["instructions_p50"], first["instructions_p50"])
            # Three campaigns of one job each; checks are nobody's result.
            self.assertEqual(len(on.cli_json("jobs")["jobs"]), 3)

    def test_a_good_board_passes_and_teaches(self):
        with bench.Bench(boards=2) as on:
            on.fault("b1", "flash_lost")
            job = self.run_model(on)[0]
            self.assertEqual((job["state"], job["board"]), ("succeeded", "b2"))
            bench.until("b1 is quarantined", lambda: self.healths(on) == ["quarantined", "good"], bench.RUN_SECONDS)
            on.control("b1", cmd="clear")
            on.cli("board", "recover", "b1")
            rows = on.cli_json("query", "SELECT board_id, counted, expected, expected_from FROM reference_jobs "
                                        "WHERE state = 'succeeded' ORDER BY job_id")["rows"]
            self.assertEqual([row["board_id"] for row in rows], ["b2", "b1"])
            # To the instruction, and learned from the board that never failed.
            self.assertEqual(rows[1]["counted"], rows[0]["counted"])
            self.assertEqual({row["expected_from"] for row in rows}, {"b2"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
