"""Real models on every kind of board, in every kernel set: each operator's output is the published one.

With `fusion=file` all operators of the file are there, with `fusion=none` all but those that the plan names as folded.
"""

import json
import subprocess
import tempfile
import unittest

import bench

MODELS = {"kws": "kws_ref_model", "vww": "vww_96_int8", "resnet": "pretrainedResnet_quant", "te_vww": "tinyengine_vww"}
BOARD_TYPES = ["virtual_m4", "virtual_m7", "native"]
KERNELS = ["kernels=reference,weights=int8", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"]
EXIT_INFEASIBLE = 3
# Its weights take 0.9 MB as int16, and virtual_m4 has 0.8 MB for a model.
TOO_LARGE = ("te_vww", "virtual_m4", "int16")
VARIANTS = [f"{kernels},fusion={fusion}" for kernels in KERNELS for fusion in ("file", "none")]


class Goldens(unittest.TestCase):
    def tinyrig(self, *arguments) -> dict:
        command = [str(bench.BUILD / "bin" / "tinyrig"), *map(str, arguments), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=bench.RUN_SECONDS)
        self.assertIn(done.returncode, (0, EXIT_INFEASIBLE), done.stdout[-2000:] + done.stderr)
        return json.loads(done.stdout)

    def folded(self, model, variant: str) -> dict[int, str]:
        notes = self.tinyrig("plan", model, "--variant", variant)["passes"]
        return {note["tflite_op"]: note["text"] for note in notes if note["pass"] != "order_for_memory"}

    def check(self, name: str) -> None:
        model = bench.foreign_data("models", f"{MODELS[name]}.tflite")
        golden = json.loads(bench.foreign_data("golden", f"{name}.layers.json").read_text())
        rows = {(g["pattern"], g["op"], g["tensor"], g["bytes"], g["fnv1a32"]) for g in golden}
        wanted = [word for variant in VARIANTS for word in ("--variant", variant)]
        wanted += [word for board in BOARD_TYPES for word in ("--board-type", board)]
        with tempfile.TemporaryDirectory(prefix="tinyrig-e2e-", dir="/tmp") as state:
            jobs = self.tinyrig("run", model, *wanted, "--state", state, "--wait")["jobs"]
        self.assertEqual(len(jobs), len(VARIANTS) * len(BOARD_TYPES))
        for job in jobs:
            variant = ",".join(f"{key}={value}" for key, value in job["variant"].items())
            with self.subTest(board=job["board_type"], variant=variant):
                if (name, job["board_type"], job["variant"]["weights"]) == TOO_LARGE:
                    self.assertEqual(job["state"], "infeasible", job)
                    continue
                self.assertEqual(job["state"], "succeeded", job.get("failure", job["state"]))
                self.assertEqual(job["output_mismatches"], 0)
                gone = self.folded(model, variant)
                if job["variant"]["fusion"] == "file":
                    self.assertEqual(gone, {})
                found = {(l["vector"], l["tflite_index"], l["tensor"], l["bytes"], l["fnv1a32"]) for l in job["layers"]}
                self.assertEqual(found, {row for row in rows if row[1] not in gone})
                if job["board_type"] == "virtual_m4":
                    print(f"{name} {variant}: {job['instructions_p50']:,.0f} instructions, arena {job['arena_bytes']:,.0f} B, "
                          f"{len(found)} hashes, folded: {sorted(gone)}")

    def test_kws(self):
        self.check("kws")

    def test_vww(self):
        self.check("vww")

    def test_resnet8(self):
        self.check("resnet")

    def test_mn2_vww5(self):
        self.check("te_vww")


if __name__ == "__main__":
    unittest.main(verbosity=2)
