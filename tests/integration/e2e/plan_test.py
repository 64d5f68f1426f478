"""`tinyrig plan --fusion` as a user meets it: one plan, a front, limits, block lists, refusals. Needs no server."""

import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TINYRIG = Path(os.environ["TINYRIG_BUILD_DIR"]) / "bin" / "tinyrig"
MODEL = Path(os.environ["TINYRIG_SOURCE_DIR"]) / "firmware" / "zoo" / "digits_ds.tflite"


def tinyrig(*arguments):
    return subprocess.run([TINYRIG, *arguments], capture_output=True, text=True, timeout=60)


def plan(setting, *more):
    done = tinyrig("plan", MODEL, "--fusion", setting, "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SVG = "{http://www.w3.org/2000/svg}"


def part_titles(root):
    return [g.find(SVG + "title").text for g in root.iter(SVG + "g") if g.get("class") == "part"]


def place(part):
    return f"{part['bytes']:,} B at {part['offset']:,} to {part['offset'] + part['bytes']:,}"


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
        self.assertTrue(none["executable"])
        self.assertEqual(none["macs"], none["macs_unfused"])
        self.assertGreater(none["peak_ram_bytes"], front[-1]["peak_ram_bytes"])

    def test_text_says_what_takes_the_ram(self):
        done = tinyrig("plan", MODEL, "--fusion", "tiny:min_ram:input=slabs")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("a plan, firmware executes it", "arena", "rings", "caches", "factor", "[0"):
            self.assertIn(word, done.stdout)

    def test_a_plan_that_firmware_executes(self):
        setting = "msf:min_ram:input=resident:output=resident"
        fused = plan(setting)
        self.assertTrue(fused["executable"])
        done = tinyrig("plan", MODEL, "--variant", f"fusion={setting}", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        compiled = json.loads(done.stdout)
        phases = [op for op in compiled["ops"] if op["name"] == "FUSED"]
        self.assertEqual(sum(op["macs"] for op in phases), fused["macs"])
        self.assertEqual(fused["program_arena_bytes"], compiled["arena_bytes"])

    def test_a_plan_that_nothing_executes_says_why(self):
        done = tinyrig("plan", MODEL, "--fusion", "msf:min_ram", "--fusion-cost", "published")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no firmware executes it: the device runs what the cost 'exact' counts", done.stdout)

    def test_what_is_impossible_is_said(self):
        done = tinyrig("plan", MODEL, "--fusion", "tiny:ram=10B")
        self.assertEqual(done.returncode, 3)
        self.assertIn("infeasible: no plan of this family fits 10 B; the least is", done.stderr)
        for setting, says in [("[0] [2]", "leaves a gap"), ("[0 1]", "is not closed"), ("fast", "settings are"), ("tiny:f_max=0.5", "1 or more")]:
            done = tinyrig("plan", MODEL, "--fusion", setting)
            self.assertEqual(done.returncode, 1)
            self.assertIn(says, done.stderr)

    def test_the_memory_as_a_drawing(self):
        with tempfile.TemporaryDirectory() as folder:
            svg, html = Path(folder) / "memory.svg", Path(folder) / "memory.html"
            done = tinyrig("plan", MODEL, "--fusion", "tiny:min_ram", "--svg", svg, "--html", html)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("arena", done.stdout)
            text, page = svg.read_text(), html.read_text()
            self.assertEqual(done.stderr, f"wrote {svg}\nwrote {html}\n")
        planned = plan("tiny:min_ram")
        parts = [part for phase in planned["phases"] for part in phase["parts"]]
        titles = part_titles(ElementTree.fromstring(text))
        self.assertEqual(sorted(title.splitlines()[-1] for title in titles), sorted(map(place, parts)))
        self.assertIn(f"peak {planned['arena_bytes']:,} B", text)
        self.assertIn(f"Layer by layer, counted the same way: {plan('none')['arena_bytes']:,} B", text)
        # The page holds the same drawing; nothing comes from elsewhere.
        self.assertIn(text, page)
        for document in (text, page):
            self.assertNotIn("<script", document)
            self.assertNotRegex(document.replace('"http://www.w3.org/2000/svg"', ""), "https?:|url\\(|@import")
        self.assertEqual(page.count("<tr>"), len(parts) + 1)
        again = tinyrig("plan", MODEL, "--fusion", "tiny:min_ram", "--svg", "-")
        self.assertEqual(again.stdout, text)
        # Without fusion: the buffers of the memory planner.
        buffers = json.loads(tinyrig("plan", MODEL, "--json").stdout)["buffers"]
        titles = part_titles(ElementTree.fromstring(tinyrig("plan", MODEL, "--svg", "-").stdout))
        self.assertEqual(sorted(title.splitlines()[-1] for title in titles), sorted(map(place, buffers)))

    def test_a_drawing_that_cannot_be(self):
        done = tinyrig("plan", MODEL, "--fusion", "tiny:front", "--svg", "-")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("a front is many plans", done.stderr)
        done = tinyrig("plan", MODEL, "--json", "--svg", "-")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("only one document", done.stderr)
        done = tinyrig("plan", MODEL, "--fusion", "none", "--svg", "/nowhere/memory.svg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/memory.svg", done.stderr)

    def test_names_in_a_drawing_are_text(self):
        model = MODEL.read_bytes()
        names = [tensor["name"] for tensor in json.loads(tinyrig("model", MODEL, "--json").stdout)["tensors"]]
        hostile = b"</title><script>&\"'\x01\xff"
        long = [name.encode() for name in names if len(name) >= len(hostile)]
        self.assertTrue(long)
        for name in long:
            model = model.replace(name, hostile.ljust(len(name), b"<"))
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "a<b>&.tflite"
            changed.write_bytes(model)
            for setting in ([], ["--fusion", "tiny:min_ram"]):
                done = tinyrig("plan", changed, *setting, "--svg", "-")
                self.assertEqual(done.returncode, 0, done.stderr)
                root = ElementTree.fromstring(done.stdout)
                self.assertIn("a<b>&.tflite", root.get("aria-label"))
                self.assertIn("</title><script>&\"'", "".join(root.itertext()))
                self.assertIsNone(root.find(".//" + SVG + "script"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
