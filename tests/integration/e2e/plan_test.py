"""`tinyrig plan --fusion` as a user meets it: one plan, a front, limits, block lists, refusals. Needs no server."""

import json
import os
import subprocess
import unittest
from pathlib import Path

TINYRIG = Path(os.environ["TINYRIG_BUILD_DIR"]) / "bin" / "tinyrig"
MODEL = Path(os.environ["TINYRIG_SOURCE_DIR"]) / "firmware" / "zoo" / "digits_ds.tflite"


def tinyrig(*arguments):
    return subprocess.run([TINYRIG, *arguments], capture_output=True, text=True, timeout=60)


def plan(setting, *more):
    done = tinyrig("plan", MODEL, "--fusion", setting, "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Fusion(unittest.TestCase):
    def test_a_front_and_its_points(self):
        front = plan("tiny:front")["front"]
        self.assertGreater(len(front), 2)
        for more, less in zip(front, front[1:]):
            self.assertGreater(more["arena_bytes"], less["arena_bytes"])
            self.assertLess(more["macs"], less["macs"])
        for point in front:
            same = plan(point["blocks"])
            self.assertEqual(same["arena_bytes"], point["arena_bytes"])
            self.assertEqual(same["macs"], point["macs"])
            limited = plan(f"tiny:ram={point['arena_bytes']}")
            self.assertEqual(limited["macs"], point["macs"])
        none = plan("none")
        self.assertFalse(none["executable"])
        self.assertEqual(none["macs"], none["macs_unfused"])
        self.assertGreater(none["peak_ram_bytes"], front[-1]["peak_ram_bytes"])

    def test_text_says_what_takes_the_ram(self):
        done = tinyrig("plan", MODEL, "--fusion", "tiny:min_ram:input=slabs")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("no firmware executes it yet", "arena", "rings", "caches", "factor", "[0"):
            self.assertIn(word, done.stdout)

    def test_what_is_impossible_is_said(self):
        done = tinyrig("plan", MODEL, "--fusion", "tiny:ram=10B")
        self.assertEqual(done.returncode, 3)
        self.assertIn("infeasible: no plan of this family fits 10 B; the least is", done.stderr)
        for setting, says in [("[0] [2]", "leaves a gap"), ("fast", "settings are"), ("tiny:f_max=0.5", "1 or more")]:
            done = tinyrig("plan", MODEL, "--fusion", setting)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)
        done = tinyrig("plan", MODEL, "--variant", "fusion=tiny:min_ram")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no firmware executes it yet", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
