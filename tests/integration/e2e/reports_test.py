"""A real campaign on the virtual bench that ends in every way a campaign can, and its reports: the same programs judge
them as those of tests/reports."""

import sys
import unittest

import bench

sys.path.insert(0, str(bench.SOURCE / "tests" / "reports"))
from report_checks import ReportChecks  # noqa: E402

# b1 works. The firmware of b2 crashes, on b3 another chip answers, b4 stands still until its agent is killed.
CRASHES, WRONG_CHIP, STANDS_STILL = "b2", "b3", "b4"
QUEUE_TIMEOUT_S = 20


def kind(job: dict) -> str:
    """How a job ended, in a word: the owner of a failure, else its state."""
    return job["failure"]["owner"] if job["state"] == "failed" else job["state"]


class Reports(ReportChecks, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with bench.Bench(boards=4) as on:
            cls.campaign = cls.run_campaign(on)
            paths = {name: on.dir / name for name in ("junit.xml", "jobs.csv", "page.html")}
            on.cli("report", "--campaign", cls.campaign, "--junit", paths["junit.xml"], "--csv", paths["jobs.csv"],
                   "--html", paths["page.html"])
            cls.files = {name: path.read_bytes() for name, path in paths.items()}
            cls.files["campaign.json"] = on.cli("results", "--campaign", cls.campaign, "--json").stdout.encode()

    @classmethod
    def run_campaign(cls, on: bench.Bench) -> int:
        on.fault(CRASHES, "fw_hard_fault", after_uart_bytes=2000)
        on.fault(WRONG_CHIP, "idcode")
        on.fault(STANDS_STILL, "uart_stall", after_uart_bytes=3000, ms=600_000)
        # Nobody has a virtual_f4, and one of the six variants is too large.
        path = bench.zoo_campaign(on.dir, "every_outcome", "virtual_m4, virtual_f4", max_attempts=1,
                                  vectors=bench.few_vectors(on.dir), limits="{flash_model_bytes: 30kB}",
                                  queue_timeout_s=QUEUE_TIMEOUT_S, goals="{min: [instructions_p50, flash_model_bytes]}")
        campaign = on.cli_json("run", path, "--no-wait")["campaign_id"]

        def jobs() -> list[dict]:
            return on.cli_json("results", "--campaign", campaign)["jobs"]
        waits = next(job for job in jobs() if job["board_type"] == "virtual_f4" and job["state"] == "queued")
        on.cli("cancel", "--job", waits["job_id"])
        # Four jobs began at once, one on each board; three of them end by themselves.
        bench.until("three boards have had their job",
                    lambda: {"succeeded", "variant", "bench"} <= {kind(job) for job in jobs()}, every=0.3)
        bench.until("one board stands still",
                    lambda: on.control(STANDS_STILL, cmd="status")["faults"]["uart_stall"]["after_uart_bytes"] == 0)
        on.kill("agent")
        for board in on.boards:
            on.control(board, cmd="clear")
        on.start_agent()
        bench.until("all jobs have ended", lambda: not {"queued", "leased"} & {job["state"] for job in jobs()}, every=0.3)
        return campaign

    def test_the_campaign_has_every_outcome(self):
        jobs = self.json["jobs"]
        self.assertEqual(len(jobs), 12)
        self.assertEqual({kind(job) for job in jobs},
                         {"succeeded", "infeasible", "variant", "bench", "service", "cancelled"})
        messages = {kind(job): job["failure"]["message"] for job in jobs if "failure" in job}
        # A program that sleeps with interrupts masked escalates the usage fault to a hard fault.
        self.assertRegex(messages["variant"], "(usage|hard) fault at pc 0x")
        self.assertIn("another chip", messages["bench"])
        self.assertIn("30000", messages["infeasible"].replace(",", ""))
        service = {job["board_type"]: job["failure"]["message"] for job in jobs if kind(job) == "service"}
        self.assertEqual(set(service), {"virtual_m4", "virtual_f4"})
        self.assertIn("agent", service["virtual_m4"])
        self.assertIn(f"{QUEUE_TIMEOUT_S} s", service["virtual_f4"])


if __name__ == "__main__":
    unittest.main()
