"""The HTTP gateway of the real tinyrigd: every route against every kind of caller, pages, events, limits."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import venv

SOURCE = pathlib.Path(os.environ["TINYRIG_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["TINYRIG_BUILD_DIR"])
TINYRIG = BUILD / "bin" / "tinyrig"
PARSER = "prometheus-client==0.21.1"
OPEN = {"/healthz", "/readyz"}


def routes() -> list[str]:
    """The table of the server's source: a new route cannot be forgotten here."""
    text = (SOURCE / "server/web/routes.cc").read_text()
    return re.findall(r'\{"(/api/v1/[^"]*)"', text) + ["/metrics"]


def metrics_parser():
    """prometheus_client's parser, in an environment of its own."""
    folder = BUILD / "tests" / "prometheus"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, clear=True, with_pip=True)
    if subprocess.run([python, "-c", "import prometheus_client"], capture_output=True).returncode != 0:
        pip = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
                              "--only-binary=:all:",
                              PARSER], capture_output=True, text=True)
        if pip.returncode != 0:
            raise unittest.SkipTest(f"{PARSER} cannot be installed: {pip.stderr.strip()[-200:]}")
    return python


class Http(unittest.TestCase):
    listen = ["--http", "127.0.0.1:0"]

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tinyrig-http-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.socket = f"unix:{self.dir}/s/tinyrigd.sock"
        self.start()
        self.tokens = {role: self.cli("token", "create", role, "--user", role, "--role", role)
                       for role in ("viewer", "submitter", "operator", "admin", "agent")}

    def start(self):
        self.server = subprocess.Popen(
            [BUILD / "bin" / "tinyrigd", "--state", self.dir / "s", "--log-level", "warn", *self.listen],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        ready = self.server.stdout.readline()
        self.address = re.search(r"https?://(\S+)", ready).group(1)

    def stop(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.assertEqual(self.server.wait(timeout=20), 0)
        self.server.stdout.close()

    def cli(self, *words: str) -> str:
        done = subprocess.run([TINYRIG, *words, "--server", self.socket], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        self.addCleanup(connection.close)
        return connection

    def get(self, path: str, token: str = "", method: str = "GET", body=None, **headers):
        connection = self.connect()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode(errors="replace")
        connection.close()
        return status, text

    def json(self, path: str, token: str = ""):
        status, text = self.get(path, token or self.tokens["viewer"])
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def submit(self) -> str:
        return str(json.loads(self.cli("run", str(SOURCE / "firmware/zoo/demo.yaml"), "--json"))["campaign_id"])


class Doors(Http):
    def test_every_route_refuses_who_may_not(self):
        pattern = re.compile(r"\{[^}]*\}")
        admins = {"/api/v1/tokens"}
        operators = {"/api/v1/audit"}
        agents = {"/api/v1/whoami", "/api/v1/artifacts/{sha256}", "/metrics"}
        self.assertGreater(len(routes()), 20)
        for route in routes():
            path = pattern.sub("1", route)
            with self.subTest(route):
                for wrong in ("", "tinyrig_nonsense", "a b"):
                    status, text = self.get(path, wrong)
                    self.assertEqual(status, 401, text)
                    if route != "/metrics":
                        self.assertEqual(json.loads(text)["code"], "UNAUTHENTICATED")
                self.assertEqual(self.get(path + "?nonsense=1")[0], 401)
                for role, token in self.tokens.items():
                    may = (role == "admin" or (role == "operator" and route not in admins)
                           or (role == "agent" and route in agents)
                           or (role in ("viewer", "submitter") and route not in admins | operators))
                    status, text = self.get(path, token)
                    self.assertEqual(status == 403, not may, f"{role}: {status} {text}")
                    self.assertNotIn(status, (401, 500, 501), f"{role}: {status} {text}")

    def test_healthz_and_readyz_say_one_word_to_everybody(self):
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertEqual(self.get("/readyz"), (200, "ready\n"))

    def test_a_server_in_drain_is_not_ready(self):
        self.cli("drain")
        self.assertEqual(self.get("/readyz"), (503, "draining\n"))
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.cli("drain", "--off")
        self.assertEqual(self.get("/readyz"), (200, "ready\n"))

    def test_a_revoked_token_is_out(self):
        self.cli("token", "revoke", "viewer")
        self.assertEqual(self.get("/api/v1/jobs", self.tokens["viewer"])[0], 401)

    def test_the_audit_log_says_who_was_refused(self):
        self.get("/api/v1/tokens", self.tokens["viewer"])
        entry = json.loads(self.cli("audit", "--limit", "1", "--json"))["entries"][0]
        self.assertEqual((entry["method"], entry["user"], entry["code"]), ("AccessService/ListTokens", "viewer", 7))
        self.assertRegex(entry["peer"], r"^token viewer, http 127\.0\.0\.1:\d+$")

    def test_only_reading(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            self.assertEqual(self.get("/api/v1/jobs", self.tokens["admin"], method=method)[0], 405, method)


class Pages(Http):
    def test_campaigns_jobs_and_what_is_missing(self):
        campaign = self.submit()
        listed = self.json("/api/v1/campaigns")["campaigns"]
        self.assertEqual([c["campaign_id"] for c in listed], [campaign])
        one = self.json(f"/api/v1/campaigns/{campaign}")
        self.assertFalse(one["ended"])
        jobs = self.json(f"/api/v1/campaigns/{campaign}/jobs?page.size=1")
        self.assertEqual(len(jobs["jobs"]), 1)
        more = self.json(f"/api/v1/campaigns/{campaign}/jobs?page.size=1&page.token={jobs['next_page_token']}")
        self.assertNotEqual(more["jobs"][0]["job_id"], jobs["jobs"][0]["job_id"])
        queued = self.json(f"/api/v1/jobs?campaign_id={campaign}&states=queued")["jobs"]
        self.assertEqual(len(queued), one["counts"]["queued"])
        job = jobs["jobs"][0]["job_id"]
        self.assertEqual(self.json(f"/api/v1/jobs/{job}/log"), {"lines": []})
        manifest = self.json(f"/api/v1/jobs/{job}/manifest")
        self.assertIn("model", json.dumps(manifest))
        # The path is stronger than the query.
        self.assertEqual(self.json(f"/api/v1/jobs/{job}?job_id=999")["job_id"], job)
        viewer = self.tokens["viewer"]
        for path, status, code in (("/api/v1/jobs/999", 404, "NOT_FOUND"), ("/api/v1/jobs/x", 400, "INVALID_ARGUMENT"),
                                   ("/api/v1/jobs?color=red", 400, "INVALID_ARGUMENT"),
                                   ("/api/v1/jobs?states=purple", 400, "INVALID_ARGUMENT"),
                                   ("/api/v1/jobs?page.token=x", 400, "INVALID_ARGUMENT"),
                                   ("/api/v1/nothing", 404, "NOT_FOUND"), ("/api/v1/jobs/", 404, "NOT_FOUND"),
                                   ("/api/v1/artifacts/..%2f..%2ftinyrig.db", 400, "INVALID_ARGUMENT"),
                                   ("/nothing", 404, "NOT_FOUND")):
            with self.subTest(path):
                got, text = self.get(path, viewer)
                self.assertEqual((got, json.loads(text)["code"]), (status, code), text)

    def test_query_both_ways(self):
        want = {"columns": ["a", "b", "c"], "rows": [[1, "x", None]], "truncated": False}
        self.assertEqual(self.json("/api/v1/query?sql=SELECT+1+AS+a,%20'x'+AS+b,+NULL+AS+c"), want)
        status, text = self.get("/api/v1/query", self.tokens["viewer"], method="POST",
                                body=json.dumps({"sql": "SELECT 1 AS a, 'x' AS b, NULL AS c"}))
        self.assertEqual((status, json.loads(text)), (200, want))
        self.assertEqual(self.json("/api/v1/query?sql=SELECT+1+AS+a+WHERE+0"),
                         {"columns": ["a"], "rows": [], "truncated": False})
        status, text = self.get("/api/v1/query?sql=DELETE+FROM+job", self.tokens["admin"])
        self.assertEqual((status, json.loads(text)["code"]), (403, "PERMISSION_DENIED"))

    def test_an_artifact_arrives_as_it_is(self):
        self.submit()
        model = SOURCE / "firmware/zoo/digits_cnn.tflite"
        digest = subprocess.run(["sha256sum", model], capture_output=True, text=True).stdout.split()[0]
        connection = self.connect()
        connection.request("GET", f"/api/v1/artifacts/{digest}?offset=10",
                           headers={"Authorization": f"Bearer {self.tokens['viewer']}"})
        self.assertEqual(connection.getresponse().read(), model.read_bytes()[10:])

    def test_events_come_as_they_happen_and_resume(self):
        campaign = self.submit()
        path = f"/api/v1/campaigns/{campaign}/events"
        bearer = {"Authorization": f"Bearer {self.tokens['viewer']}"}
        connection = self.connect()
        connection.request("GET", path, headers=bearer)
        answer = connection.getresponse()
        self.assertEqual(answer.getheader("Content-Type"), "text/event-stream")
        first = self.read_event(answer)
        # While the stream is open the campaign ends, and the stream with it.
        self.cli("cancel", "--campaign", campaign)
        events = [first]
        while events[-1].get("event") != "end":
            events.append(self.read_event(answer))
        ids = self.stored(events)
        self.assertEqual(ids, sorted(set(ids)))
        self.assertIn("JOB_STATE_CANCELLED", {json.loads(event["data"])["state"] for event in events[:-1]})
        connection = self.connect()
        connection.request("GET", path, headers=bearer | {"Last-Event-ID": str(ids[2])})
        answer = connection.getresponse()
        again = [self.read_event(answer)]
        while again[-1].get("event") != "end":
            again.append(self.read_event(answer))
        self.assertEqual(self.stored(again), ids[3:])

    def stored(self, events: list) -> list[int]:
        """Ids of the events of jobs: a note of why jobs wait is live only, and goes by the last one's."""
        return [int(event["id"]) for event in events[:-1] if json.loads(event["data"])["job_id"] != "0"]

    def read_event(self, answer) -> dict:
        event = {}
        while True:
            line = answer.readline().decode()
            self.assertNotEqual(line, "", "the stream ended")
            if line == "\n" and event:
                return event
            if ": " in line:
                name, value = line.rstrip("\n").split(": ", 1)
                event[name] = value


class Machines(Http):
    def test_metrics_are_what_prometheus_reads(self):
        self.submit()
        self.get("/api/v1/tokens", self.tokens["viewer"])
        status, text = self.get("/metrics", self.tokens["viewer"])
        self.assertEqual(status, 200)
        script = ("import sys, json; from prometheus_client.parser import text_string_to_metric_families as p; "
                  "print(json.dumps([[f.name, f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]]"
                  " for f in p(sys.stdin.read())]))")
        parsed = subprocess.run([metrics_parser(), "-c", script], input=text, capture_output=True, text=True)
        self.assertEqual(parsed.returncode, 0, parsed.stderr)
        families = {name: (kind, samples) for name, kind, _, samples in json.loads(parsed.stdout)}
        for name, kind, help_text, _ in json.loads(parsed.stdout):
            self.assertRegex(name, r"^tinyrig_[a-z0-9_]+$")
            self.assertIn(kind, ("gauge", "counter", "histogram"))
            self.assertTrue(help_text)
        for wanted in ("tinyrig_jobs", "tinyrig_queue_jobs", "tinyrig_boards", "tinyrig_agents", "tinyrig_calls",
                       "tinyrig_io_lag_seconds", "tinyrig_store_transaction_seconds", "tinyrig_store_bytes",
                       "tinyrig_queue_priority_jobs", "tinyrig_queue_wait_seconds", "tinyrig_dispatch_seconds"):
            self.assertIn(wanted, families)
        self.check_conventions(text, families)
        queued = {s[1]["board_type"]: s[2] for s in families["tinyrig_queue_jobs"][1]}
        self.assertEqual(sum(queued.values()), self.json("/api/v1/campaigns")["campaigns"][0]["counts"]["queued"])
        self.assertGreater(queued["virtual_m4"], 0)
        calls = {(s[1]["method"], s[1]["code"]): s[2] for s in families["tinyrig_calls"][1]}
        self.assertEqual(calls[("CampaignService/SubmitCampaign", "OK")], 1)
        self.assertEqual(calls[("AccessService/CreateToken", "OK")], 5)
        self.assertEqual(calls[("AccessService/ListTokens", "PERMISSION_DENIED")], 1)

    def check_conventions(self, text: str, families: dict) -> None:
        """What promtool would find fault with: families once, units as names end, cumulative buckets."""
        for kind in ("HELP", "TYPE"):
            named = re.findall(rf"^# {kind} (\S+)", text, re.MULTILINE)
            self.assertEqual(len(named), len(set(named)))
        for name in re.findall(r"^# TYPE (\S+) counter", text, re.MULTILINE):
            self.assertTrue(name.endswith("_total"), name)
        for name, (kind, samples) in families.items():
            keys = [(s[0], tuple(sorted(s[1].items()))) for s in samples]
            self.assertEqual(len(keys), len(set(keys)), name)
            self.assertLess(len(keys), 200, name)
            if kind != "histogram":
                continue
            self.assertRegex(name, r"_(seconds|bytes)$")
            buckets = [(float(s[1]["le"]), s[2]) for s in samples if s[0] == name + "_bucket"]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual([count for _, count in buckets], sorted(count for _, count in buckets), name)
            self.assertEqual(buckets[-1][0], float("inf"))
            self.assertEqual(buckets[-1][1], next(s[2] for s in samples if s[0] == name + "_count"))

    def test_a_slow_client_is_dropped_and_delays_nobody(self):
        host, port = self.address.rsplit(":", 1)
        slow = [socket.create_connection((host, int(port)), timeout=60) for _ in range(50)]
        for one in slow:
            self.addCleanup(one.close)
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        for _ in range(40):
            time.sleep(0.5)
            with contextlib.suppress(OSError):
                slow[0].send(b"a")
            slow[0].setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                if slow[0].recv(100) == b"":
                    return
        self.fail("a client that never ends its request is kept")

    def test_no_call_is_lost_and_it_stops_with_clients_connected(self):
        # gRPC's in-process transport lost one call in some hundred, and the server then never stopped.
        for _ in range(5):
            for _ in range(180):
                self.assertEqual(self.get("/api/v1/whoami", self.tokens["viewer"])[0], 200)
            self.server.send_signal(signal.SIGTERM)
            self.assertEqual(self.server.wait(timeout=20), 0)
            self.start()

    def test_more_connections_than_allowed(self):
        host, port = self.address.rsplit(":", 1)
        idle = [socket.create_connection((host, int(port)), timeout=5) for _ in range(300)]
        closed = 0
        for one in idle:
            one.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                closed += one.recv(1) == b""
        self.assertGreaterEqual(closed, 44)
        self.assertLess(closed, 300)
        for one in idle:
            one.close()
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/healthz") == (200, "ok\n"):
                    return
            self.assertLess(time.monotonic(), deadline, "no connection is taken any more")
            time.sleep(0.1)


class Tls(Http):
    def setUp(self):
        self.certs = pathlib.Path(tempfile.mkdtemp(prefix="tinyrig-certs-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.certs, ignore_errors=True)
        subprocess.run([SOURCE / "deploy/tls/make-certs", self.certs, "server", "localhost", "127.0.0.1"], check=True,
                       stdout=subprocess.DEVNULL)
        self.listen = ["--http", "0.0.0.0:0", "--tls-cert", self.certs / "server.crt", "--tls-key",
                       self.certs / "server.key"]
        super().setUp()

    def connect(self):
        context = ssl.create_default_context(cafile=self.certs / "ca.crt")
        connection = http.client.HTTPSConnection("localhost", int(self.address.rsplit(":", 1)[1]), timeout=30,
                                                 context=context)
        self.addCleanup(connection.close)
        return connection

    def test_reading_over_tls(self):
        self.assertEqual(self.get("/api/v1/jobs")[0], 401)
        self.assertEqual(self.json("/api/v1/whoami")["user"], "viewer")
        with self.assertRaises(OSError):
            plain = http.client.HTTPConnection("localhost", int(self.address.rsplit(":", 1)[1]), timeout=10)
            plain.request("GET", "/healthz")
            try:
                plain.getresponse()
            except http.client.HTTPException as error:
                raise OSError from error

    def test_http_beyond_loopback_takes_tls(self):
        done = subprocess.run([BUILD / "bin" / "tinyrigd", "--state", self.dir / "t", "--http", "0.0.0.0:0"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
