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

    def check_profiles(self, on, jobs):
        """The operators of a run that showed them add up to the timed run, but for the steps between them."""
        for job in jobs:
            profile = on.cli_json("profile", job["job_id"])["profiles"][0]
            self.assertEqual(profile["unit"], "instructions")
            self.assertEqual(sum(layer["macs"] for layer in profile["layers"]), job["macs"])
            self.assertEqual(sum(layer["counted"] for layer in profile["layers"]), profile["sum"])
            self.assertEqual(profile["timed"], job["instructions_p50"])
            each = profile["difference"] / len(profile["layers"])
            print(f"profile {job['variant']}: {profile['sum']:,.0f}, {each:+.1f} an operator")
            self.assertLess(abs(each), 200)
        stored = on.cli_json("query", f"SELECT count(*) AS rows, sum(counted) AS counted, max(unit) AS unit FROM layers "
                                      f"WHERE job_id={jobs[0]['job_id']} AND vector='A'")["rows"][0]
        first = on.cli_json("profile", jobs[0]["job_id"])["profiles"][0]
        self.assertEqual(stored, {"rows": len(first["layers"]), "counted": first["sum"], "unit": "instructions"})

    def test_every_operator_equals_the_golden(self):
        with bench.Bench() as on:
            jobs = self.run_kws(on)
            self.check_profiles(on, jobs)
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
                # To the byte: read back through the probe.
                self.assertEqual(job["arena_used_bytes"], job["arena_bytes"])
                print(f"  core and kernels {job['flash_model_bytes'] - job['blob_bytes']:,.0f} B, "
                      f"stack {job['stack_used_bytes']:,.0f} B")
                self.assertLess(job["flash_model_bytes"] - job["blob_bytes"], 25_000)
                self.assertEqual(job["flash_model_bytes"] + job["flash_rig_bytes"], job["flash_total_bytes"])

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
