"""kws on the virtual board: every operator's hash equals the published one, and counts repeat exactly."""

import json
import unittest

import bench

# TensorFlow Lite Micro's reference kernels on a Cortex-M4 in QEMU.
TFLM_REFERENCE_INSTRUCTIONS = 43_041_491
VARIANTS = ["kernels=reference,weights=int8", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"]


class Kws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = bench.foreign_data("models", "kws_ref_model.tflite")
        golden = json.loads(bench.foreign_data("golden", "kws.layers.json").read_text())
        cls.golden = sorted((g["pattern"], g["op"], g["tensor"], g["bytes"], g["fnv1a32"]) for g in golden)

    def run_kws(self, on, *more):
        arguments = [a for v in VARIANTS for a in ("--variant", v)]
        return on.cli_json("run", self.model, "--board-type", "virtual_m4", "--wait", *arguments, *more)["jobs"]

    def test_every_operator_equals_the_golden(self):
        with bench.Bench() as on:
            jobs = self.run_kws(on)
        self.assertEqual(len(jobs), len(VARIANTS))
        for job in jobs:
            with self.subTest(**job["variant"]):
                self.assertEqual(job["state"], "succeeded", job)
                found = sorted((l["vector"], l["tflite_index"], l["tensor"], l["bytes"], l["fnv1a32"]) for l in job["layers"])
                self.assertEqual(found, self.golden)
                self.assertEqual(job["output_mismatches"], 0)
                self.assertEqual(job["fidelity"], "emulated")
                self.assertNotIn("cycles_p50", job)
                print(f"kws {job['variant']}: {job['instructions_p50']:,.0f} instructions, "
                      f"arena {job['arena_bytes']:,.0f} B, flash {job['flash_model_bytes']:,.0f} B")
                self.assertLess(job["instructions_p50"], TFLM_REFERENCE_INSTRUCTIONS)
                self.assertLessEqual(job["arena_bytes"], 17_000)

    def test_five_power_cycles_give_identical_instructions(self):
        seen = set()
        with bench.Bench(boards=1) as on:
            for _ in range(5):
                on.power_cycle("b1")
                jobs = self.run_kws(on)
                seen.add(tuple((j["variant"]["kernels"], j["variant"]["weights"], j["instructions_min"], j["instructions_p50"],
                                j["instructions_max"]) for j in jobs))
        self.assertEqual(len(seen), 1, seen)


if __name__ == "__main__":
    unittest.main(verbosity=2)
