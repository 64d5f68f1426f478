"""A model with float32 input and output around an int8 body, with explicit padding and residuals: every operator's hash
equals the published one on virtual Cortex-M4 and M7."""

import json
import subprocess
import tempfile
import unittest

import bench

# Weights as int16 do not fit the M4.
VARIANTS = {"virtual_m4": ["kernels=reference", "kernels=dsp,weights=int8"],
            "virtual_m7": ["kernels=reference", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"]}


class FloatIo(unittest.TestCase):
    def test_every_operator_equals_the_golden_on_an_m4(self):
        self.run_on("virtual_m4")

    def test_every_operator_equals_the_golden_on_an_m7(self):
        self.run_on("virtual_m7")

    def run_on(self, board_type):
        model = bench.foreign_data("models", "tinyengine_vww.tflite")
        golden = json.loads(bench.foreign_data("golden", "te_vww.layers.json").read_text())
        expected = sorted((g["pattern"], g["op"], g["tensor"], g["bytes"], g["fnv1a32"]) for g in golden)
        with tempfile.TemporaryDirectory(prefix="tinyrig-e2e-", dir="/tmp") as state:
            variants = [word for variant in VARIANTS[board_type] for word in ("--variant", variant)]
            command = [bench.BUILD / "bin" / "tinyrig", "run", model, "--board-type", board_type, "--wait", *variants,
                       "--layer-hashes", "--state", state, "--json"]
            done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=bench.RUN_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        jobs = json.loads(done.stdout)["jobs"]
        self.assertEqual(len(jobs), len(VARIANTS[board_type]))
        for job in jobs:
            with self.subTest(**job["variant"]):
                self.assertEqual(job["state"], "succeeded", job)
                found = sorted((l["vector"], l["tflite_index"], l["tensor"], l["bytes"], l["fnv1a32"]) for l in job["layers"])
                self.assertEqual(found, expected)
                self.assertEqual(job["output_mismatches"], 0)
                print(f"te_vww {board_type} {job['variant']}: {job['instructions_p50']:,.0f} instructions, arena {job['arena_bytes']:,.0f} B")


if __name__ == "__main__":
    unittest.main(verbosity=2)
