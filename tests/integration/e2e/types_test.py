"""The other virtual board types through the client alone: the stock flash driver of an STM32F4 under the agent, and what it
did shown by `tinyrig job`."""

import json
import subprocess
import tempfile
import unittest

import bench

VARIANTS = ["kernels=dsp,weights=int8", "kernels=dsp,weights=int16", "kernels=reference,weights=int8"]


class Types(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tinyrig-e2e-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.state = folder.name

    def tinyrig(self, *arguments) -> dict:
        command = [str(bench.BUILD / "bin" / "tinyrig"), *map(str, arguments), "--state", self.state, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=bench.RUN_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def run_on(self, board_type: str) -> list[dict]:
        variants = [word for variant in VARIANTS for word in ("--variant", variant)]
        result = self.tinyrig("run", bench.ZOO / "digits_ds.tflite", *variants, "--board-type", board_type, "--wait")
        self.assertEqual([job["state"] for job in result["jobs"]], ["succeeded"] * len(VARIANTS), result)
        for job in result["jobs"]:
            self.assertEqual(job["output_mismatches"], 0)
        return [self.tinyrig("job", job["job_id"]) for job in result["jobs"]]

    def test_flash_of_an_stm32f4(self):
        flashes = [job["attempts"][-1]["flash"] for job in self.run_on("virtual_f4")]
        for flash in flashes:
            self.assertGreater(flash["bytes_written"], 0)
            self.assertGreaterEqual(flash["max_erasures"], 1)
            self.assertFalse(flash["record_was_wrong"])
        # Three jobs on at most two boards, two of them with the same kernels.
        self.assertGreater(max(flash["max_erasures"] for flash in flashes), 1)

    def test_a_cortex_m7(self):
        for job in self.run_on("virtual_m7"):
            attempt = job["attempts"][-1]
            self.assertEqual(attempt["flash"]["max_erasures"], 0)
            self.assertGreater(attempt["link"]["vector_bytes"], 0)

    def test_a_process_of_this_host(self):
        for job in self.run_on("native"):
            self.assertGreater(job["attempts"][-1]["link"]["vector_bytes"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
