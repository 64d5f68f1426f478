"""What every report of a campaign has to keep to, judged by programs that are not ours. A test case that has the
reports in `files` ("junit.xml", "jobs.csv", "campaign.json", "page.html") inherits these."""

import csv
import io
import json
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import html5lib
import jsonschema

HERE = pathlib.Path(__file__).parent
SCHEMA = json.loads((HERE / "campaign.schema.json").read_text())


def xmllint(xml: bytes) -> str:
    """What xmllint complains about; empty when the document is valid."""
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", HERE / "junit.xsd", "-"], input=xml,
                          capture_output=True, check=False)
    return "" if done.returncode == 0 else done.stderr.decode() or "refused"


class ReportChecks:
    @property
    def json(self) -> dict:
        return json.loads(self.files["campaign.json"])

    def rows(self) -> list[list[str]]:
        # A byte that is no UTF-8, which the API would not carry, is kept here and replaced in JSON.
        text = self.files["jobs.csv"].decode(errors="replace")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))

    def test_junit_keeps_to_the_schema(self):
        xml = self.files["junit.xml"]
        self.assertEqual("", xmllint(xml))
        for damage in ((rb' failures="\d+"', b""), (rb"<skipped ", b"<jumped "), (rb'time="', b'time="-'),
                       (rb"</testsuite>", b"")):
            broken = re.sub(*damage, xml, count=1)
            self.assertNotEqual(xml, broken)
            self.assertNotEqual("", xmllint(broken), damage)

    def test_junit_counts_what_it_has(self):
        suite = ET.fromstring(self.files["junit.xml"]).find("testsuite")
        cases = suite.findall("testcase")
        self.assertEqual(len(self.json["jobs"]), len(cases))
        self.assertEqual(int(suite.get("tests")), len(cases))
        for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            self.assertEqual(int(suite.get(attribute)), len(suite.findall(f"testcase/{element}")), element)

    def test_csv_is_read_back(self):
        rows = self.rows()
        self.assertEqual(len(self.json["jobs"]) + 1, len(rows))
        self.assertEqual({len(rows[0])}, {len(row) for row in rows})
        for row, job in zip(rows[1:], self.json["jobs"]):
            cells = dict(zip(rows[0], row))
            self.assertEqual(str(job["job_id"]), cells["job_id"])
            self.assertEqual(job["state"], cells["state"])
            self.assertEqual(job.get("failure", {}).get("message", ""), cells["failure_message"])
            for measurement in job.get("measurements", []):
                self.assertEqual(measurement["value"], float(cells[measurement["metric"]]))
        # RFC 4180: every line of the file itself ends with CRLF.
        self.assertTrue(self.files["jobs.csv"].endswith(b"\r\n"))

    def test_json_keeps_to_the_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        jsonschema.validate(self.json, SCHEMA)
        for damage in (lambda c: c.pop("jobs"), lambda c: c["jobs"][0].update(state="done"),
                       lambda c: next(job for job in c["jobs"] if job["state"] == "succeeded").pop("measurements"),
                       lambda c: c["fronts"][0].update(front=["2"])):
            broken = json.loads(self.files["campaign.json"])
            damage(broken)
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(broken, SCHEMA)

    def test_html_has_no_error_and_no_script_of_strangers(self):
        page = self.files["page.html"].decode()
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
        with self.assertRaises(html5lib.html5parser.ParseError):
            html5lib.HTMLParser(strict=True).parse(page.replace("</table>", "", 1))
        scripts = "".join("".join(script.itertext()) for script in tree.iter("script"))
        self.assertNotIn("alert", scripts)
        for element in tree.iter():
            for name in element.attrib:
                self.assertFalse(str(name).lower().startswith("on"), f"{element.tag} {name}")
            for reference in ("href", "src"):
                self.assertFalse(element.get(reference, "").strip().lower().startswith(("javascript:", "http:", "//")))
        text = "".join(tree.itertext())
        for job in self.json["jobs"]:
            if "failure" in job:
                self.assertIn(job["failure"]["message"].split(":")[0], text)
