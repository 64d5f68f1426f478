"""An image that was not written can never pass, and crossed cables are named."""

import unittest

import bench

MODEL = bench.ZOO / "digits_cnn.tflite"


class Identity(unittest.TestCase):
    def run_job(self, on, model=MODEL, kernels="dsp"):
        return on.cli_json("run", model, "--variant", f"kernels={kernels},weights=int8", "--wait", check=False)["jobs"][0]

    def assert_bench_failure(self, job, *words):
        self.assertEqual(job["state"], "failed", job)
        self.assertEqual(job["failure"]["owner"], "bench", job["failure"])
        text = job["failure"]["message"] + "\n" + "\n".join(job["failure"]["evidence"])
        for word in words:
            self.assertIn(word, text)
        # Nothing was measured, so nothing is reported.
        self.assertNotIn("instructions_p50", job)

    def test_a_probe_that_loses_writes(self):
        with bench.Bench(boards=1) as on:
            self.assertEqual(self.run_job(on)["state"], "succeeded")
            on.fault("b1", "flash_lost")
            self.assert_bench_failure(self.run_job(on, kernels="reference"))
            on.control("b1", cmd="clear")
            # A board that fails its reference job as well is out until somebody has looked after it.
            self.assertIn("passed and is good", on.cli("board", "recover", "b1").stdout)
            self.assertEqual(self.run_job(on, kernels="reference")["state"], "succeeded")

    def test_a_probe_that_lies_about_writes(self):
        # Load and verify succeed; only the board's own CRC tells that the old image still runs.
        # Whatever comes after begins with a power cycle, which leaves nothing to answer: what the first attempt saw must
        # be among the evidence.
        cases = {"another kernel set": ("digits_cnn.tflite", "reference", "code CRC"),
                 "only another model": ("digits_ds.tflite", "dsp", "model CRC")}
        for name, (model, kernels, word) in cases.items():
            with self.subTest(name), bench.Bench(boards=1) as on:
                self.assertEqual(self.run_job(on)["state"], "succeeded")
                on.fault("b1", "flash_lies")
                campaign = on.dir / "once.yaml"
                campaign.write_text(f"name: once\nmodels: [{bench.ZOO}/{model}]\nvariants:\n  kernels: [{kernels}]\n"
                                    f"  weights: [int8]\nboard_types: [virtual_m4]\nvectors: A\nmax_attempts: 2\n")
                self.assert_bench_failure(on.cli_json("run", campaign, "--wait", check=False)["jobs"][0], word, "attempt 1 on b1")

    def test_crossed_links_name_both_boards(self):
        with bench.Bench(boards=2, crossed=True) as on:
            jobs = on.cli_json("run", MODEL, "--variant", "kernels=dsp,weights=int8", "--variant",
                               "kernels=reference,weights=int8", "--wait", check=False)["jobs"]
            self.assertEqual(len(jobs), 2)
            for job in jobs:
                self.assert_bench_failure(job, "b1", "b2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
