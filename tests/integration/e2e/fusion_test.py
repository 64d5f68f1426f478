"""Fusion settings measured on virtual boards: the bytes of the layers one by one, in the arena and with the MACs of the plan."""

import json
import subprocess
import unittest

import bench

TINYRIG = bench.BUILD / "bin" / "tinyrig"


def plan(model, setting):
    done = subprocess.run([TINYRIG, "plan", model, "--fusion", setting, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Fusion(unittest.TestCase):
    def check(self, job, planned):
        self.assertEqual(job["state"], "succeeded", job)
        self.assertEqual(job["output_mismatches"], 0)
        self.assertEqual(job["arena_used_bytes"], job["arena_bytes"])
        self.assertEqual(job["fused_macs"], planned["macs"])
        self.assertAlmostEqual(job["mac_factor"], planned["macs"] / planned["macs_unfused"], places=9)
        self.assertEqual(job["arena_without_io_bytes"], planned["peak_ram_without_io_bytes"])
        # Without the tail's needs the arena is the plan's.
        self.assertGreaterEqual(job["arena_bytes"], planned["peak_ram_bytes"])
        print(f"{job['variant']['fusion']}: arena {job['arena_bytes']:,.0f} B ({job['arena_without_io_bytes']:,.0f} without in and "
              f"out), factor {job['mac_factor']:.3f}, {job['instructions_p50']:,.0f} instructions, "
              f"stack {job['stack_used_bytes']:,.0f} B")

    def test_settings_one_by_one(self):
        model = bench.foreign_data("models", "kws_ref_model.tflite")
        settings = ["none", "tiny:min_ram", "msf:f_max=1.3", "tiny:f_max=1.2:input=resident:output=resident"]
        chosen = [a for s in settings for a in ("--fusion", s)]
        with bench.Bench() as on:
            for variant in ("kernels=reference", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"):
                run = on.cli_json("run", model, "--board-type", "virtual_m4", "--variant", variant, "--wait", *chosen)
                jobs = {job["variant"]["fusion"]: job for job in run["jobs"]}
                self.assertEqual(sorted(jobs), sorted(settings))
                alone = jobs.pop("none")
                self.assertNotIn("mac_factor", alone)
                print(f"{variant}: {alone['instructions_p50']:,.0f} instructions, arena {alone['arena_bytes']:,.0f} B")
                for setting, job in jobs.items():
                    with self.subTest(variant=variant, fusion=setting):
                        self.check(job, plan(model, setting))

    def test_a_front_is_one_job_a_point(self):
        model = bench.foreign_data("models", "tinyengine_vww.tflite")
        front = plan(model, "msf:front")["front"]
        with bench.Bench(board_type="virtual_m7") as on:
            run = on.cli_json("run", model, "--board-type", "virtual_m7", "--fusion", "msf:front", "--vectors", "A",
                              "--repetitions", "1", "--wait")
            by_macs = {job["fused_macs"]: job for job in run["jobs"]}
            self.assertEqual(sorted(by_macs), sorted(point["macs"] for point in front))
            for point in front:
                job = by_macs[point["macs"]]
                self.check(job, point)
                self.assertEqual(job["variant"]["fusion"], f"msf:ram={point['arena_bytes']}B")
            # Found again by the setting of a point.
            again = on.cli_json("run", model, "--board-type", "virtual_m7", "--vectors", "A",
                                "--fusion", run["jobs"][0]["variant"]["fusion"], "--wait")
            self.assertEqual(again["jobs"][0]["fused_macs"], run["jobs"][0]["fused_macs"])

    def test_checking_lists_the_jobs_of_a_front(self):
        model = bench.foreign_data("models", "kws_ref_model.tflite")
        done = subprocess.run([TINYRIG, "run", model, "--fusion", "none", "--fusion", "tiny:front", "--check", "--json"],
                              capture_output=True, text=True, timeout=120)
        points = len(plan(model, "tiny:front")["front"])
        self.assertEqual(len(json.loads(done.stdout)["jobs"]), 1 + points, done.stderr)

    def test_what_cannot_run_says_why(self):
        model = bench.foreign_data("models", "kws_ref_model.tflite")
        with bench.Bench(boards=1) as on:
            for setting, says in (("tiny:min", "goals are"), ("head_patch:input=usb", "options are input=outside"),
                                  ("[0-3] [3-8]", "block 3-8 overlaps the one before it; begin it with layer 4"),
                                  ("[0-3] [5-8]", "block 5-8 leaves a gap: layer 4 is in no block")):
                done = on.cli("run", model, "--fusion", setting, "--wait", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(says, done.stderr)
            for setting, says in (("tiny:ram=10B", "no plan of this family fits 10 B; the least is"),
                                  ("[0-3] [4-12]", "block 4-12 goes beyond the chain, whose last layer is 8: operator"),
                                  ("head_patch:input=slabs", "patches read whole rows of the input")):
                run = on.cli_json("run", model, "--fusion", setting, "--wait", check=False)
                self.assertEqual(run["jobs"][0]["state"], "infeasible")
                self.assertIn(says, json.dumps(run["jobs"][0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
