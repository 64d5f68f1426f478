"""A campaign on native boards: right outputs, time of the host and nothing that only a core can count."""

import unittest

import bench


class Native(unittest.TestCase):
    def test_a_campaign_on_two_boards(self):
        with bench.NativeBench(boards=2) as on:
            jobs = on.cli_json("run", bench.zoo_campaign(on.dir, board_type="native"), "--wait")["jobs"]
            self.assertEqual(len(jobs), 6)
            for job in jobs:
                with self.subTest(**job["variant"]):
                    self.assertEqual(job["state"], "succeeded", job)
                    self.assertEqual(job["fidelity"], "native")
                    self.assertEqual(job["output_mismatches"], 0)
                    self.assertGreater(job["accuracy_top1"], 0.9)
                    self.assertGreater(job["latency_us_p50"], 0)
                    for absent in ("instructions_p50", "cycles_p50"):
                        self.assertNotIn(absent, job)
            metrics = on.cli_json("job", jobs[0]["job_id"])
            latency = next(m for m in metrics["measurements"] if m["metric"] == "latency_us_p50")
            self.assertEqual(latency["method"], "clock of the host")
            self.assertEqual(len(on.board_processes()), 2)
            on.kill("agent")
            bench.until("the boards die with their agent", lambda: not on.board_processes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
