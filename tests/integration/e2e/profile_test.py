"""`tinyrig profile`: a model measured operator by operator, as table, JSON and page, on boards and on the host."""

import unittest

import bench

MODEL = bench.ZOO / "digits_ds.tflite"
VARIANTS = ["kernels=reference,weights=int8", "kernels=dsp,weights=int8"]


class ProfileTest(unittest.TestCase):
    def test_a_model_in_two_variants(self):
        arguments = [word for variant in VARIANTS for word in ("--variant", variant)]
        with bench.Bench() as on:
            page = on.dir / "profile.html"
            profiles = on.cli_json("profile", MODEL, *arguments, "--html", page)["profiles"]
            self.assertEqual([p["variant"]["kernels"] for p in profiles], ["reference", "dsp"])
            for profile in profiles:
                with self.subTest(**profile["variant"]):
                    self.check(profile)
                    again = on.cli_json("profile", profile["job_id"])["profiles"][0]
                    self.assertEqual(again, profile)
            self.assertIn("<svg", page.read_text())
            text = on.cli("profile", profiles[0]["job_id"]).stdout
            for layer in profiles[0]["layers"]:
                self.assertIn(f"{layer['counted']:,}", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
            # The settings of the run it repeats are in the manifest.
            self.assertTrue(on.cli_json("manifest", profiles[0]["job_id"])["execution"]["profile"])

            job = on.cli_json("run", MODEL, "--variant", VARIANTS[1], "--vectors", "A", "--wait")["jobs"][0]
            self.assertEqual(job["instructions_p50"], profiles[1]["timed"], "profiling changed the timed run")
            wrong = on.cli("profile", job["job_id"], "--variant", VARIANTS[0], check=False)
            self.assertEqual(wrong.returncode, 1)
            self.assertEqual(on.cli("profile", 999, check=False).returncode, 1)

    def check(self, profile):
        self.assertEqual(profile["unit"], "instructions")
        self.assertEqual(profile["vector"], "A")
        self.assertEqual(sum(layer["counted"] for layer in profile["layers"]), profile["sum"])
        self.assertAlmostEqual(sum(layer["share"] for layer in profile["layers"]), 1)
        self.assertEqual(profile["difference"], profile["sum"] - profile["timed"])
        self.assertLess(abs(profile["difference"]) / len(profile["layers"]), 200)
        convolutions = [layer for layer in profile["layers"] if layer["macs"] > 0]
        self.assertGreater(len(convolutions), 0)
        for layer in convolutions:
            self.assertEqual(layer["per_mac"], layer["counted"] / layer["macs"])
            self.assertEqual(len(layer["output_shape"]) > 1, True)

    def test_nanoseconds_of_the_host(self):
        with bench.NativeBench(boards=1) as on:
            profile = on.cli_json("profile", MODEL, "--board-type", "native")["profiles"][0]
            self.assertEqual(profile["unit"], "ns")
            self.assertGreater(profile["sum"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
