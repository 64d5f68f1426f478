"""A job again, from what is stored of it: the same bytes to the same board, the same answers to the bit, the same
counts; also when the server has other firmware today. What is not stored any more is refused by name."""

import contextlib
import json
import pathlib
import shutil
import unittest

import bench

# What two runs of a job on one board cannot share. Retransmits depend on the link.
MUST_DIFFER = {"job_id", "rerun_of", "measured.nonce", "raw_result_sha256"}
MAY_DIFFER = {f"measured.link.{field}" for field in ("bytes_out", "bytes_in", "frames_bad", "retransmits")}


def flat(value, path: str = "") -> dict:
    if isinstance(value, dict):
        return {k: v for key, one in value.items() for k, v in flat(one, f"{path}.{key}" if path else key).items()}
    return {path: json.dumps(value)}


def differences(one: dict, other: dict) -> set[str]:
    one, other = flat(one), flat(other)
    return {path for path in one | other if one.get(path) != other.get(path)}


def measured(job: dict) -> dict:
    """What the run found out: all but what says which run it was."""
    return {key: value for key, value in job.items()
            if key not in ("job_id", "ended", "attempts", "created", "rerun_of")}


class Rerun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.bench = cls.stack.enter_context(bench.Bench(boards=1))
        cls.campaign = cls.bench.dir / "one.yaml"
        cls.campaign.write_text("\n".join([
            "name: one", f"models: [{bench.ZOO}/digits_ds.tflite]", "variants: {kernels: [dsp], weights: [int8]}",
            "board_types: [virtual_m4]", f"vectors: {bench.few_vectors(cls.bench.dir)}", "warmup: 1", "repetitions: 2",
            "layer_hashes: true", "labels: {branch: main}"]) + "\n")
        cls.job = cls.bench.cli_json("run", cls.campaign, "--wait")["jobs"][0]["job_id"]
        cls.before = cls.bench.cli_json("job", cls.job)

    def rerun(self) -> dict:
        again = self.bench.cli_json("rerun", self.job, "--wait")
        self.assertEqual(again["state"], "succeeded")
        self.assertGreater(again["job_id"], self.job)
        return again

    def check_same(self, again: dict) -> None:
        self.assertEqual(measured(again), measured(self.before))
        one, other = (self.bench.cli_json("manifest", job) for job in (self.job, again["job_id"]))
        self.assertEqual(other["rerun_of"], self.job)
        self.assertNotIn("rerun_of", one)
        found = differences(one, other)
        self.assertLessEqual(MUST_DIFFER, found)
        self.assertEqual(found - MUST_DIFFER - MAY_DIFFER, set())
        for field in ("outputs_sha256", "vector_set_crc32c"):
            self.assertEqual(one["measured"][field], other["measured"][field])
        for field in ("code_crc32c", "blob_crc32c", "build_id"):
            self.assertEqual(one["measured"]["identity"][field], other["measured"]["identity"][field])

    def test_the_same_bytes_the_same_answers_the_same_counts(self):
        for metric in ("instructions_p50", "instructions_p99", "arena_used_bytes", "stack_used_bytes"):
            self.assertGreater(self.before[metric], 0, metric)
        self.assertGreater(len(self.before["layers"]), 5)
        self.check_same(self.rerun())

    def test_other_firmware_of_the_server_changes_nothing(self):
        manifest = self.bench.cli_json("manifest", self.job)
        other = self.bench.dir / "firmware"
        shutil.copytree(bench.BUILD / "share" / "tinyrig" / "firmware", other)
        used = [file for file in other.glob("*.json") if json.loads(file.read_text())["build_id"]
                == manifest["image"]["build_id"]]
        self.assertEqual(len(used), 1)
        used[0].unlink()
        self.bench.stop("server")
        self.bench.start_server("--firmware", other)
        self.bench.wait_idle()
        new = self.bench.cli("run", self.campaign, "--wait", check=False)
        self.assertEqual(new.returncode, 3, "the variant has firmware still: " + new.stdout + new.stderr)
        self.check_same(self.rerun())

    def stored(self, sha256: str) -> pathlib.Path:
        return self.bench.dir / "server-state" / "artifacts" / sha256[:2] / sha256[2:]

    def test_what_is_not_stored_any_more_is_named(self):
        manifest = self.bench.cli_json("manifest", self.job)
        needed = {segment["role"]: segment["artifact"]["sha256"] for segment in manifest["image"]["segments"]}
        needed["vectors 'first_60.npz'"] = manifest["vectors"]["sha256"]
        needed["reference outputs"] = manifest["reference_outputs_sha256"]
        self.assertEqual(len(needed), 4)
        before = len(self.bench.cli_json("jobs")["jobs"])
        for what, sha256 in needed.items():
            with self.subTest(what):
                away = self.bench.dir / "away"
                self.stored(sha256).rename(away)
                refused = self.bench.cli("rerun", self.job, check=False)
                away.rename(self.stored(sha256))
                self.assertEqual(refused.returncode, 1)
                self.assertIn(f"its {what} (SHA-256 {sha256}) is not stored any more",
                              " ".join(refused.stderr.split()))
        self.assertEqual(len(self.bench.cli_json("jobs")["jobs"]), before)
        self.check_same(self.rerun())

    def test_a_job_that_was_forgotten_is_not_found(self):
        job = self.rerun()["job_id"] + 1000
        refused = self.bench.cli("rerun", job, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"there is no job {job}", refused.stderr)
        for command in ("jobs", "results"):
            refused = self.bench.cli(command, "--campaign", 999, check=False)
            self.assertEqual((command, refused.returncode), (command, 1))
            self.assertIn("there is no campaign 999", refused.stderr)


if __name__ == "__main__":
    unittest.main()
