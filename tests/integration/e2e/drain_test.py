"""An agent that may drain ends what runs, delivers it, and takes nothing new; a second signal cuts it short."""

import signal
import unittest

import bench


class Drain(unittest.TestCase):
    def drained(self, on: bench.Bench, seconds: int) -> None:
        on.stop("agent")
        on.start_agent("--drain", seconds)
        on.wait_idle()

    def attempts(self, on: bench.Bench, number: int) -> dict:
        rows = on.cli_json("query", f"SELECT state, attempts FROM jobs WHERE campaign_id = {number}")["rows"]
        states = [row["state"] for row in rows]
        return {"attempts": sum(row["attempts"] for row in rows), **{state: states.count(state) for state in set(states)}}

    def running_job(self, on: bench.Bench) -> int:
        number = on.cli_json("run", bench.zoo_campaign(on.dir), "--no-wait")["campaign_id"]
        def streams() -> bool:
            return on.cli_json("boards")["boards"][0]["state"] == "busy"
        bench.until("the first job runs", streams)
        return number

    def test_what_runs_ends_and_nothing_begins(self):
        with bench.Bench(boards=1) as on:
            self.drained(on, 120)
            number = self.running_job(on)
            agent = on.processes["agent"]
            agent.send_signal(signal.SIGTERM)
            board = bench.until("the board says why it takes no jobs",
                                lambda: next((b for b in on.cli_json("boards")["boards"] if b.get("note")), None))
            self.assertIn("the agent is stopping", board["note"])
            self.assertEqual(agent.wait(timeout=120), 0)
            # One attempt, and its result is with the server already.
            self.assertEqual(self.attempts(on, number), {"attempts": 1, "succeeded": 1, "queued": 5})
            self.assertNotIn("refused", on.log("agent"))
            self.assertFalse(list((on.dir / "agent-state" / "spool").iterdir()))
            on.processes.pop("agent")
            on.start_agent()
            bench.until("the rest is measured", lambda: self.attempts(on, number) == {"attempts": 6, "succeeded": 6},
                        seconds=bench.RUN_SECONDS)

    def test_a_second_signal_cancels(self):
        with bench.Bench(boards=1) as on:
            self.drained(on, 3600)
            number = self.running_job(on)
            agent = on.processes.pop("agent")
            agent.send_signal(signal.SIGTERM)
            bench.until("it drains", lambda: "may end within 3600 s" in on.log("agent"))
            agent.send_signal(signal.SIGTERM)
            self.assertEqual(agent.wait(timeout=20), 0)
            self.assertNotIn("succeeded", self.attempts(on, number))


if __name__ == "__main__":
    unittest.main(verbosity=2)
