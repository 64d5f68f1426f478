"""tinyrig bench init on a machine made of folders, with real ttys and a program in openocd's place."""

import json
import os
import pathlib
import pty
import subprocess
import tempfile
import threading
import time
import tty
import unittest

TINYRIG = pathlib.Path(os.environ["TINYRIG_BUILD_DIR"]) / "bin/tinyrig"


class Machine:
    """Two CMSIS-DAP probes and two USB bridges; the first bridge belongs to the second probe."""

    def __init__(self, folder: pathlib.Path):
        self.root = folder / "root"
        self.path = folder / "bin"
        self.resets = folder / "resets"
        self.ports = {}
        for number, (vendor, product, text, serial) in enumerate(
                [("0d28", "0204", "CMSIS-DAP one", "P1"), ("0d28", "0204", "CMSIS-DAP two", "P2"),
                 ("0403", "6001", "FT232R", "F1"), ("0403", "6001", "FT232R", "F2")], start=1):
            device = self.root / f"sys/devices/usb1/1-{number}"
            device.mkdir(parents=True)
            for name, value in {"idVendor": vendor, "idProduct": product, "product": text, "serial": serial,
                                "busnum": "1", "devnum": str(number)}.items():
                (device / name).write_text(value + "\n")
            listed = self.root / "sys/bus/usb/devices"
            listed.mkdir(parents=True, exist_ok=True)
            (listed / device.name).symlink_to(device)
            if vendor == "0403":
                self.add_port(f"ttyUSB{number - 3}", device)
        # The real openocd would find no probe here. This one tells the test that it was asked to reset.
        self.path.mkdir()
        fake = self.path / "openocd"
        fake.write_text(f"#!/bin/sh\necho \"$*\" >> {self.resets}\necho 'Open On-Chip Debugger 0.12.0'\n")
        fake.chmod(0o755)

    def add_port(self, name: str, device: pathlib.Path) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.ports[name] = master
        (self.root / "dev").mkdir(exist_ok=True)
        (self.root / "dev" / name).symlink_to(os.ttyname(slave))
        entry = self.root / "sys/class/tty" / name
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(device)

    def run(self, *arguments, answers="", check=True):
        environment = dict(os.environ, PATH=f"{self.path}:{os.environ['PATH']}")
        done = subprocess.run([TINYRIG, "bench", "init", "--sysroot", self.root, *arguments], input=answers, text=True,
                              capture_output=True, timeout=120, env=environment)
        if check and done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
        return done


class BenchInit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tinyrig-bench-init-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.machine = Machine(self.folder)
        self.file = self.folder / "bench.yaml"

    def test_boards_are_told_apart_by_which_port_speaks(self):
        def speak(port):
            # Somebody presses a reset button, again and again.
            while not stop.is_set():
                os.write(self.machine.ports[port], b"hello\r\n")
                time.sleep(0.05)

        stop = threading.Event()
        speaker = threading.Thread(target=speak, args=("ttyUSB1",))
        speaker.start()
        try:
            done = self.machine.run("-o", self.file, "--name", "desk", "--seconds", "10", "--json",
                                    answers="nucleo_f412zg\n\n1\n")
        finally:
            stop.set()
            speaker.join()
        boards = json.loads(done.stdout)["boards"]
        self.assertEqual([board["missing"] for board in boards], ["", "its type"])
        text = self.file.read_text()
        first, second = text.split("at USB 1-1\n")[1].split("at USB 1-2\n")
        self.assertIn('port: "/dev/ttyUSB1"', first)
        self.assertIn("/dev/ttyUSB1 said something", done.stderr)
        self.assertIn('serial: "P1"', first)
        self.assertIn('#      port: "/dev/ttyUSB0"', second)

    def test_what_nobody_answers_stays_open(self):
        done = self.machine.run("-o", self.file, "--no-questions")
        self.assertIn("0 of 2 boards can be used", done.stdout)
        self.assertIn("boards: []", self.file.read_text())
        self.assertIn("Left out until somebody adds its type and its serial port", self.file.read_text())

    def test_no_file_is_overwritten(self):
        self.file.write_text("mine\n")
        done = self.machine.run("-o", self.file, "--no-questions", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("exists", done.stderr)
        self.assertEqual(self.file.read_text(), "mine\n")

    def test_an_imported_map_is_written_and_garbage_is_not(self):
        hardware_map = self.folder / "map.yml"
        hardware_map.write_text("- connected: true\n  id: 066DFF\n  platform: nucleo_f412zg\n  product: STM32 STLink\n"
                                "  runner: openocd\n  serial: /dev/ttyACM0\n")
        self.assertIn("1 of 1 boards", self.machine.run("--import-zephyr", hardware_map, "-o", self.file).stdout)
        self.assertIn('serial: "066DFF"', self.file.read_text())
        hardware_map.write_text("connected: [\n")
        done = self.machine.run("--import-zephyr", hardware_map, "-o", self.folder / "other.yaml", check=False)
        self.assertIn("map.yml:1: not valid YAML", done.stderr)
        self.assertFalse((self.folder / "other.yaml").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
