"""kill -9 of server or agent in the middle of a campaign: it completes, nothing is lost or doubled."""

import unittest

import bench

JOBS = 6
EXACT = ("instructions_min", "instructions_p50", "instructions_max", "accuracy_top1", "flash_model_bytes", "arena_bytes")


def outcome(jobs):
    """What must not depend on what happened to the processes."""
    return sorted((j["model"], j["variant"]["kernels"], j["variant"]["weights"], j["state"], *(j.get(k) for k in EXACT))
                  for j in jobs)


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with bench.Bench() as on:
            cls.undisturbed = outcome(on.cli_json("run", bench.zoo_campaign(on.dir), "--wait")["jobs"])

    def campaign_with_kills(self, victim, restart):
        with bench.Bench() as on:
            submitted = on.cli_json("run", bench.zoo_campaign(on.dir), "--no-wait")
            campaign = submitted["campaign_id"]
            for ended in (1, 3):
                bench.until(f"{ended} jobs have ended and one runs", lambda: self.ended(on, campaign) >= ended and
                            self.count(on, campaign, "leased") > 0, bench.RUN_SECONDS)
                on.kill(victim)
                restart(on)
            bench.until("the campaign has ended", lambda: self.ended(on, campaign) == JOBS, bench.RUN_SECONDS)
            runs = on.cli_json("query", "SELECT job_id, COUNT(*) AS n, SUM(outcome = 'succeeded') AS succeeded FROM runs "
                                        f"WHERE campaign_id = {campaign} GROUP BY job_id")["rows"]
            jobs = on.cli_json("results", "--campaign", campaign)["jobs"]
            rows = on.cli_json("query", "SELECT job_id, COUNT(*) AS n FROM results WHERE metric = 'instructions_p50' "
                                        f"AND campaign_id = {campaign} GROUP BY job_id")["rows"]
        self.assertEqual(outcome(jobs), self.undisturbed)
        self.assertEqual([row["n"] for row in rows], [1] * JOBS)
        self.assertEqual([row["succeeded"] for row in runs], [1] * JOBS)
        return sum(row["n"] for row in runs)

    def count(self, on, campaign, *states):
        return sum(j["state"] in states for j in on.cli_json("jobs", "--campaign", campaign)["jobs"])

    def ended(self, on, campaign):
        return JOBS - self.count(on, campaign, "queued", "leased")

    def test_agent(self):
        # A killed agent forgets its attempts: they were made again.
        self.assertGreater(self.campaign_with_kills("agent", lambda on: on.start_agent()), JOBS)

    def test_server(self):
        self.campaign_with_kills("server", lambda on: on.start_server())


if __name__ == "__main__":
    unittest.main(verbosity=2)
