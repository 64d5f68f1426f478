"""A console shows what the board says and carries what is typed, and never disturbs a measurement."""

import os
import pty
import subprocess
import unittest

import bench

MODEL = bench.ZOO / "digits_cnn.tflite"


class Console(unittest.TestCase):
    def console(self, on, *arguments, **options):
        return on.cli("console", "b1", "--user", "me", *arguments, **options)

    def run_model(self, on):
        return on.cli_json("run", MODEL, "--vectors", "A", "--wait", check=False)["jobs"][0]

    def test_shows_what_the_board_says(self):
        with bench.Bench(boards=1) as on:
            first = self.run_model(on)
            refused = self.console(on, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("tinyrig board reserve b1", refused.stderr)

            on.cli("board", "reserve", "b1", "--user", "me")
            on.fault("b1", "uart_garbage_at_boot", bytes=200, seed=1)
            seen = on.cli_json("console", "b1", "--user", "me", "--reset", "--seconds", "4")
            self.assertGreaterEqual(seen["bytes"], 200)
            self.assertEqual(seen["board_id"], "b1")
            self.assertNotIn("\x1b", seen["text"])
            on.control("b1", cmd="clear")

            # Given back, it measures as before.
            on.cli("board", "release", "b1", "--user", "me")
            self.assertEqual(self.run_model(on)["instructions_p50"], first["instructions_p50"])

    def test_a_typed_frame_is_answered(self):
        with bench.Bench(boards=1) as on:
            self.run_model(on)
            on.cli("board", "reserve", "b1", "--user", "me")
            before = on.control("b1", cmd="status")["uart_bytes_to_board"]
            typed = subprocess.run(on._command("console", "b1", "--user", "me", "--seconds", "3"), input=b"hello board",
                                   capture_output=True, timeout=bench.RUN_SECONDS)
            self.assertEqual(typed.returncode, 0, typed.stderr)
            self.assertIn(b"is open", typed.stderr)
            self.assertEqual(on.control("b1", cmd="status")["uart_bytes_to_board"] - before, len(b"hello board"))

    def test_a_vanished_client_frees_the_board(self):
        with bench.Bench(boards=1) as on:
            on.cli("board", "reserve", "b1", "--user", "me")
            one = subprocess.Popen(on._command("console", "b1", "--user", "me"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertIn(b"is open", one.stderr.readline())
            second = self.console(on, check=False)
            self.assertIn("another console", second.stderr)
            one.kill()
            one.communicate()
            bench.until("the board is free", lambda: self.console(on, "--seconds", "1", check=False).returncode == 0)

    def test_an_agent_that_dies_ends_it(self):
        with bench.Bench(boards=1) as on:
            on.cli("board", "reserve", "b1", "--user", "me")
            one = subprocess.Popen(on._command("console", "b1", "--user", "me"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertIn(b"is open", one.stderr.readline())
            on.kill("agent")
            _, said = one.communicate(timeout=bench.RUN_SECONDS)
            self.assertIn(b"the agent of this board went away", said)
            self.assertNotEqual(one.returncode, 0)

    def test_control_c_is_the_boards_on_a_terminal(self):
        with bench.Bench(boards=1) as on:
            self.run_model(on)
            on.cli("board", "reserve", "b1", "--user", "me")
            before = on.control("b1", cmd="status")["uart_bytes_to_board"]
            master, slave = pty.openpty()
            one = subprocess.Popen(on._command("console", "b1", "--user", "me"), stdin=slave, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
            os.close(slave)
            said = b""
            while b"is open" not in said:
                said += one.stderr.readline()
            os.write(master, b"\x03")
            bench.until("the board has it",
                        lambda: on.control("b1", cmd="status")["uart_bytes_to_board"] == before + 1)
            self.assertIsNone(one.poll())
            os.write(master, b"\x1d")
            one.communicate(timeout=bench.RUN_SECONDS)
            self.assertEqual(one.returncode, 0)
            os.close(master)


if __name__ == "__main__":
    unittest.main(verbosity=2)
