"""Reports of a campaign with every kind of outcome and with names that nobody should choose."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

from report_checks import ReportChecks

SAMPLE = sys.argv.pop(1)


class Reports(ReportChecks, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([SAMPLE, folder], check=True)
            cls.files = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}

    def test_the_sample_has_every_outcome(self):
        outcomes = {(job["state"], job.get("failure", {}).get("owner")) for job in self.json["jobs"]}
        self.assertLessEqual({("succeeded", None), ("infeasible", "infeasible"), ("failed", "variant"), ("failed", "bench"),
                              ("failed", "service"), ("cancelled", None), ("queued", None)}, outcomes)

    def test_hostile_names_stay_text(self):
        suite = ET.fromstring(self.files["junit.xml"]).find("testsuite")
        self.assertIn("alert", suite.get("name"))
        rows = self.rows()
        hostile = dict(zip(rows[0], rows[-1]))
        self.assertEqual('a,b\r\n"c"', hostile["weights"])
        self.assertEqual(self.json["jobs"][-1]["model"], hostile["model"])


if __name__ == "__main__":
    unittest.main()
