"""The zoo models on the virtual board: exactly the accuracy of the host reference, on all 360 vectors."""

import unittest

import bench

# firmware/zoo/README.md: the TensorFlow Lite interpreter with reference kernels.
CORRECT = {"digits_cnn.tflite": 359, "digits_ds.tflite": 356}
VECTORS = 360


class Zoo(unittest.TestCase):
    def test_accuracy_and_outputs_in_every_variant(self):
        with bench.Bench() as on:
            result = on.cli_json("run", bench.zoo_campaign(on.dir, goals="{min: [instructions_p50, ram_model_bytes]}"), "--wait")
        self.assertEqual(len(result["jobs"]), 6)
        for job in result["jobs"]:
            with self.subTest(model=job["model"], **job["variant"]):
                self.assertEqual(job["state"], "succeeded", job)
                self.assertEqual(job["vectors"], VECTORS)
                self.assertEqual(round(job["accuracy_top1"] * VECTORS), CORRECT[job["model"]])
                self.assertEqual(job["output_mismatches"], 0)
                self.assertEqual(job["arena_used_bytes"], job["arena_bytes"])
        # The fronts of the two models are real trade-offs: more than one point each, and not all of them.
        self.assertGreater(len(result["front"]), 2)
        self.assertLess(len(result["front"]), 6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
