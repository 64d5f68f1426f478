"""Every file below deploy/examples is taken by the program it is for."""

import pathlib
import shlex
import signal
import subprocess
import tempfile
import unittest

import bench

EXAMPLES = bench.SOURCE / "deploy" / "examples"
ETC_TLS = "/etc/tinyrig/tls"


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tinyrig-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.dir = pathlib.Path(cls.folder.name)
        make = [bench.SOURCE / "deploy" / "tls" / "make-certs", cls.dir / "tls"]
        for what in (["server", "rig.example.org"], ["bench", "bench1"], ["bench", "bench2"]):
            subprocess.run(make + what, check=True, capture_output=True)

    def says(self, words: str, *command) -> None:
        """The program says so, goes on, and ends well when it is asked to."""
        log = self.dir / "log"
        with open(log, "w") as out:
            process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            bench.until(f"'{words}' in what {command[0]} says: {log.read_text()}",
                        lambda: words in log.read_text() or process.poll() is not None, 20)
            self.assertIn(words, log.read_text())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=20), 0, log.read_text())
        finally:
            process.kill()
            process.wait()

    def test_bench_files(self):
        files = sorted(EXAMPLES.glob("*/bench*.yaml"))
        self.assertEqual(len(files), 4)
        for file in files:
            with self.subTest(file=file.relative_to(EXAMPLES)):
                text = file.read_text().replace(ETC_TLS, str(self.dir / "tls"))
                boards = text.count("- id:")
                copy = self.dir / "bench.yaml"
                copy.write_text(text)
                self.says(f"with {boards} boards", bench.BUILD / "bin" / "tinyrig-agent", "--bench", copy,
                          "--state", self.dir / f"agent-{file.parent.name}-{file.stem}", "--server", "127.0.0.1:1")

    def test_settings_of_the_server(self):
        files = sorted(EXAMPLES.glob("*/tinyrigd.conf"))
        self.assertEqual(len(files), 2)
        for file in files:
            with self.subTest(file=file.relative_to(EXAMPLES)):
                lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
                name, value = shlex.split(lines[0])[0].split("=", 1)
                self.assertEqual((len(lines), name), (1, "TINYRIGD_OPTIONS"))
                options = value.replace(ETC_TLS, str(self.dir / "tls")).replace(":7410", ":0").split()
                self.says("tinyrigd ready", bench.BUILD / "bin" / "tinyrigd", "--state",
                          self.dir / f"server-{file.parent.name}", *options)


if __name__ == "__main__":
    unittest.main(verbosity=2)
