#include "server/store/store.h"

#include <gmock/gmock.h>

#include "server/store/schema.h"
#include "tests/unit/server/store_fixture.h"

namespace tinyrig::server {
namespace {

using testing::HasSubstr;

class StoreTest : public StoreFixture {
 protected:
  static ResultFilter Of(CampaignId campaign) {
    ResultFilter filter;
    filter.campaign = campaign;
    return filter;
  }
  static ResultFilter Of(JobId job) {
    ResultFilter filter;
    filter.job = job;
    filter.with_layers = true;
    return filter;
  }
};

TEST_F(StoreTest, CampaignIsStoredOnceForAKey) {
  const auto first = store_.AddCampaign(Campaign(2, 1, "key"), 10);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(first->created);
  EXPECT_EQ(first->queued.size(), 2u);
  EXPECT_EQ(first->queued[0].terms->timeout_us, 60'000'000);
  const auto second = store_.AddCampaign(Campaign(2, 1, "key"), 11);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->campaign, first->campaign);
  NewCampaign other = Campaign(2, 1, "key");
  other.spec.set_name("weekly");
  EXPECT_EQ(store_.AddCampaign(other, 12).status().code(), Code::kAlreadyExists);
  EXPECT_NE(store_.AddCampaign(Campaign(1, 0), 13)->campaign,
            store_.AddCampaign(Campaign(1, 0), 13)->campaign);

  const v1::Campaign campaign = reader_->GetCampaign(first->campaign).value();
  EXPECT_EQ(campaign.user(), "ann");
  EXPECT_EQ(campaign.counts().queued(), 2u);
  EXPECT_EQ(campaign.counts().infeasible(), 1u);
  EXPECT_FALSE(campaign.ended());
  EXPECT_EQ(reader_->GetCampaign(CampaignId(999)).status().code(), Code::kNotFound);
}

TEST_F(StoreTest, InfeasibleJobsHaveTheirNumbersAtOnce) {
  const auto added = store_.AddCampaign(Campaign(0, 1), 10);
  ASSERT_TRUE(added.ok());
  const auto results = reader_->AllResults(Of(added->campaign)).value();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].state(), v1::JOB_STATE_INFEASIBLE);
  EXPECT_EQ(results[0].failure().message(), "too big");
  EXPECT_EQ(results[0].measurements(0).value(), 123);
  EXPECT_TRUE(reader_->GetCampaign(added->campaign)->ended());
}

TEST_F(StoreTest, AnAttemptFromLeaseToResult) {
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  EXPECT_EQ(reader_->GetJob(lease.key.job)->state(), v1::JOB_STATE_LEASED);
  ASSERT_EQ(store_.EndAttempt(Success(lease.key), 31).value(), Store::Outcome::kStored);
  const v1::Job job = reader_->GetJob(lease.key.job).value();
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  ASSERT_EQ(job.attempts_size(), 1);
  EXPECT_EQ(job.attempts(0).started_us(), 20);
  EXPECT_EQ(job.attempts(0).timeline(0).name(), "flash");
  EXPECT_EQ(job.attempts(0).link().vector_bytes(), 1024u);
  EXPECT_EQ(job.attempts(0).flash().bytes_saved(), 4096u);
  EXPECT_EQ(job.attempts(0).board_id(), "b1");
  const auto results = reader_->AllResults(Of(lease.key.job)).value();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].measurements_size(), 2);
  EXPECT_EQ(results[0].layers(0).fnv1a32(), 0xffffffffu);
  const EndedAttempt given = Success(lease.key);
  ASSERT_EQ(results[0].layers_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(results[0].layers(i).SerializeAsString(), given.layers[i].SerializeAsString());
  }
  EXPECT_EQ(results[0].image_sha256(), "image");
  EXPECT_EQ(reader_->Logs(lease.key.job, 0, 10)->size(), 2u);
  EXPECT_EQ(reader_->Logs(lease.key.job, 1, 10)->at(0).text(), "done");
}

TEST_F(StoreTest, ARepeatedResultChangesNothing) {
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  ASSERT_EQ(store_.EndAttempt(Success(lease.key), 31).value(), Store::Outcome::kStored);
  EndedAttempt again = Success(lease.key);
  again.measurements[0].set_value(1);
  EXPECT_EQ(store_.EndAttempt(again, 32).value(), Store::Outcome::kDuplicate);
  const auto results = reader_->AllResults(Of(lease.key.job)).value();
  EXPECT_EQ(results[0].measurements(0).value(), 5000);
  EXPECT_EQ(reader_->GetCampaign(added->campaign)->counts().succeeded(), 1u);
}

TEST_F(StoreTest, AnOldFenceNeverWrites) {
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease first = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&first, 1), 15).ok());
  LeaseKey forged = first.key;
  forged.fence = Fence(6);
  EXPECT_EQ(store_.EndAttempt(Success(forged), 16).value(), Store::Outcome::kStale);
  // The server gave up; the job runs again elsewhere; then the first result arrives.
  ASSERT_EQ(
      store_.EndAttempt(Failed(first.key, v1::FAILURE_OWNER_SERVICE, v1::JOB_STATE_QUEUED), 20)
          .value(),
      Store::Outcome::kStored);
  const Lease second = LeaseOf(added->queued[0], 2, 8);
  ASSERT_TRUE(store_.AddLeases(std::span(&second, 1), 21).ok());
  EXPECT_EQ(store_.EndAttempt(Success(first.key), 22).value(), Store::Outcome::kStale);
  EXPECT_EQ(store_.EndAttempt(Success(second.key), 23).value(), Store::Outcome::kStored);
  EXPECT_EQ(reader_->GetCampaign(added->campaign)->counts().succeeded(), 1u);
  EXPECT_EQ(store_.EndAttempt(Success({JobId(999), 1, Fence(1)}), 24).value(),
            Store::Outcome::kStale);
}

TEST_F(StoreTest, CancelledWorkIsNotRevivedByItsResult) {
  const auto added = store_.AddCampaign(Campaign(2, 1), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  EXPECT_EQ(store_.CancelCampaign(added->campaign, 16)->size(), 2u);
  EXPECT_EQ(store_.EndAttempt(Success(lease.key), 17).value(), Store::Outcome::kStale);
  const v1::Campaign campaign = reader_->GetCampaign(added->campaign).value();
  EXPECT_EQ(campaign.counts().cancelled(), 2u);
  EXPECT_EQ(campaign.counts().leased(), 0u);
  EXPECT_TRUE(campaign.ended());
  EXPECT_FALSE(store_.CancelJob(lease.key.job, 18).value());
  EXPECT_EQ(store_.CancelJob(JobId(999), 18).status().code(), Code::kNotFound);
}

TEST_F(StoreTest, ADroppedOfferLeavesNoAttempt) {
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  ASSERT_TRUE(store_.DropLease(lease, "busy", 16).ok());
  ASSERT_TRUE(store_.DropLease(lease, "busy", 16).ok());
  const v1::Job job = reader_->GetJob(lease.key.job).value();
  EXPECT_EQ(job.state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(job.attempts_size(), 0);
}

TEST_F(StoreTest, FencesStartFarFromZeroAndNeverFall) {
  const Fence first = store_.LoadUnfinished()->last_fence;
  EXPECT_GE(first.value, uint64_t{1} << 32);
  EXPECT_LT(first.value, uint64_t{1} << 53);
  const auto added = store_.AddCampaign(Campaign(2, 0), 10);
  const Lease high = LeaseOf(added->queued[0], 1, first.value + 9);
  const Lease low = LeaseOf(added->queued[1], 1, first.value + 3);
  ASSERT_TRUE(store_.AddLeases(std::span(&high, 1), 11).ok());
  ASSERT_TRUE(store_.DropLease(high, "busy", 12).ok());
  ASSERT_TRUE(store_.AddLeases(std::span(&low, 1), 13).ok());
  EXPECT_EQ(Store::Open(file_)->LoadUnfinished()->last_fence, Fence(first.value + 9));
}

TEST_F(StoreTest, ARerunSharesPlanAndCampaign) {
  const auto added = store_.AddCampaign(Campaign(1, 1), 10);
  const JobId id = added->queued[0].job;
  EXPECT_EQ(store_.RerunJob(id, "", 11).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_.RerunJob(JobId(99), "", 11).status().code(), Code::kNotFound);
  EXPECT_EQ(store_.RerunJob(JobId(2), "", 11).status().code(),
            Code::kFailedPrecondition);  // Infeasible.
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  ASSERT_TRUE(store_.EndAttempt(Success(lease.key), 16).ok());
  const auto rerun = store_.RerunJob(id, "key", 17);
  ASSERT_TRUE(rerun.ok()) << rerun.status().ToString();
  EXPECT_TRUE(rerun->created);
  EXPECT_EQ(rerun->job.terms->timeout_us, 60'000'000);
  EXPECT_EQ(store_.RerunJob(id, "key", 18)->job.job, rerun->job.job);
  EXPECT_FALSE(store_.RerunJob(id, "key", 18)->created);
  EXPECT_EQ(store_.LoadJob(rerun->job.job)->plan.image.sha256(), "image");
  EXPECT_EQ(reader_->GetCampaign(added->campaign)->counts().queued(), 1u);
  EXPECT_EQ(reader_->GetCampaign(added->campaign)->counts().succeeded(), 1u);
}

TEST_F(StoreTest, ARestartFindsWhatWasUnderWay) {
  const Fence highest = store_.LoadUnfinished()->last_fence;
  const auto added = store_.AddCampaign(Campaign(3, 0), 10);
  const Lease bench_failed = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&bench_failed, 1), 15).ok());
  ASSERT_TRUE(
      store_.EndAttempt(Failed(bench_failed.key, v1::FAILURE_OWNER_BENCH, v1::JOB_STATE_QUEUED), 16)
          .ok());
  const Lease running = LeaseOf(added->queued[1], 1, 8);
  ASSERT_TRUE(store_.AddLeases(std::span(&running, 1), 17).ok());
  const Lease done = LeaseOf(added->queued[2], 1, 9);
  ASSERT_TRUE(store_.AddLeases(std::span(&done, 1), 18).ok());
  ASSERT_TRUE(store_.EndAttempt(Success(done.key), 19).ok());

  Store reopened = Store::Open(file_).value();
  const auto unfinished = reopened.LoadUnfinished().value();
  EXPECT_EQ(unfinished.last_fence, highest);
  ASSERT_EQ(unfinished.queued.size(), 1u);
  EXPECT_EQ(unfinished.queued[0].failed_attempts, 1u);
  EXPECT_EQ(unfinished.queued[0].last_attempt, 1u);
  EXPECT_TRUE(unfinished.queued[0].avoid.contains(BoardId("b1")));
  EXPECT_EQ(unfinished.queued[0].terms->timeout_us, 60'000'000);
  ASSERT_EQ(unfinished.leased.size(), 1u);
  EXPECT_EQ(unfinished.leased[0].second.key, running.key);
  EXPECT_EQ(unfinished.leased[0].second.agent, AgentId("bench"));
  EXPECT_EQ(unfinished.leased[0].second.deadline_us, 999);
}

TEST_F(StoreTest, EventsTellEveryChangeOnceInOrder) {
  const auto added = store_.AddCampaign(Campaign(1, 1), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  ASSERT_TRUE(store_.EndAttempt(Success(lease.key), 16).ok());
  const auto events = reader_->Events(added->campaign, 0, 10).value();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].state(), v1::JOB_STATE_INFEASIBLE);
  EXPECT_EQ(events[1].state(), v1::JOB_STATE_LEASED);
  EXPECT_EQ(events[2].state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(events[2].counts().succeeded(), 1u);
  EXPECT_EQ(events[2].counts().leased(), 0u);
  const auto rest = reader_->Events(added->campaign, events[1].event_id(), 10).value();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].event_id(), events[2].event_id());
}

TEST_F(StoreTest, PagesCoverEverythingOnce) {
  const auto added = store_.AddCampaign(Campaign(7, 0), 10);
  v1::Page page;
  page.set_size(3);
  std::vector<uint64_t> seen;
  do {
    const auto jobs = reader_->ListJobs(added->campaign, {v1::JOB_STATE_QUEUED}, page).value();
    for (const v1::Job& job : jobs.items) seen.push_back(job.job_id());
    page.set_token(jobs.next);
  } while (!page.token().empty());
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7}));
  page.set_token("what?");
  EXPECT_EQ(reader_->ListJobs(added->campaign, {}, page).status().code(), Code::kInvalidArgument);
}

TEST_F(StoreTest, BoardsAreRememberedWithTheirIdentity) {
  BoardRecord board;
  board.board_id = "b1";
  board.board_type = "m4";
  board.agent_id = "bench";
  board.probe_serial = "VB1";
  board.mcu_uid = "00ff";
  ASSERT_TRUE(store_.SaveBoardIdentity(board).ok());
  board.mcu_uid.clear();
  ASSERT_TRUE(store_.SaveBoardIdentity(board).ok());
  board.condition = {v1::BOARD_HEALTH_QUARANTINED, "it counted wrong", true};
  board.reserved_by = "ann";
  ASSERT_TRUE(store_.SaveBoardState(board).ok());
  const auto boards = Store::Open(file_)->LoadBoards().value();
  ASSERT_EQ(boards.size(), 1u);
  EXPECT_EQ(boards[0].mcu_uid, "00ff");
  EXPECT_EQ(boards[0].condition, board.condition);
  EXPECT_EQ(boards[0].reserved_by, "ann");
}

TEST_F(StoreTest, CampaignsOfTheServersOwnStayOutOfListsAndViews) {
  ASSERT_TRUE(store_.AddCampaign(Campaign(1, 0), 10).ok());
  NewCampaign reference = Campaign(1, 0);
  reference.system = true;
  reference.pinned = BoardId("b7");
  const auto added = store_.AddCampaign(reference, 11);
  EXPECT_EQ(added->queued.at(0).pinned, BoardId("b7"));
  EXPECT_EQ(reader_->ListCampaigns({})->items.size(), 1u);
  EXPECT_EQ(reader_->ListJobs(CampaignId(), {}, {})->items.size(), 1u);
  // Who names it sees it.
  EXPECT_EQ(reader_->ListJobs(added->campaign, {}, {})->items.size(), 1u);
  EXPECT_EQ(reader_->GetJobContext(added->queued[0].job)->pinned, BoardId("b7"));
  // After a restart it is still for this board alone.
  const auto again = Store::Open(file_)->LoadUnfinished();
  ASSERT_EQ(again->queued.size(), 2u);
  EXPECT_EQ(again->queued[0].pinned.value + again->queued[1].pinned.value, "b7");
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 12).ok());
  EXPECT_TRUE(Store::Open(file_)->LoadUnfinished()->leased.at(0).second.reference);
  ASSERT_TRUE(store_.EndAttempt(Success(lease.key), 13).ok());
  ResultFilter filter;
  EXPECT_EQ(reader_->ListResults(filter, {})->items.size(), 0u);
  filter.job = added->queued[0].job;
  EXPECT_EQ(reader_->ListResults(filter, {})->items.size(), 1u);
  EXPECT_EQ(store_.RerunJob(filter.job, "", 14).status().code(), Code::kFailedPrecondition);
}

TEST_F(StoreTest, AWaitingJobThatIsGivenUpKeepsItsFailures) {
  const auto added = store_.AddCampaign(Campaign(2, 0), 10);
  const JobId job = added->queued[0].job;
  EXPECT_EQ(store_.EndWaiting(job, "no board", std::nullopt, 11).code(),
            Code::kNotFound);  // It never ran.
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 12).ok());
  ASSERT_TRUE(store_.EndWaiting(job, "no board", std::nullopt, 13).ok());
  EXPECT_EQ(reader_->GetJob(job)->state(), v1::JOB_STATE_LEASED);  // Not while it runs.
  ASSERT_TRUE(
      store_.EndAttempt(Failed(lease.key, v1::FAILURE_OWNER_BENCH, v1::JOB_STATE_QUEUED), 14).ok());
  ASSERT_TRUE(store_.EndWaiting(job, "no board", std::nullopt, 15).ok());
  const v1::Job failed = *reader_->GetJob(job);
  EXPECT_EQ(failed.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(failed.failure().owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_EQ(failed.failure().message(), "it broke");
  ASSERT_EQ(failed.failure().evidence_size(), 2);
  EXPECT_EQ(failed.failure().evidence(0), "attempt 1 on b1 (bench): it broke");
  EXPECT_EQ(failed.failure().evidence(1), "no board");
  const v1::JobCounts counts = reader_->GetCampaign(added->campaign)->counts();
  EXPECT_EQ(counts.failed(), 1u);
  EXPECT_EQ(counts.queued(), 1u);
}

TEST_F(StoreTest, TheFirstCountIsKept) {
  const auto added = store_.AddCampaign(Campaign(2, 0), 10);
  for (size_t i = 0; i < 2; ++i) {
    const Lease lease = LeaseOf(added->queued[i], 1, 7 + i);
    ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 20).ok());
    EndedAttempt ended = Success(lease.key);
    ended.teaches = {"m4", "image", {"instructions_p50", 5000 + i}, "b1", lease.key.job};
    // What comes under another fence teaches nothing.
    EndedAttempt forged = ended;
    forged.key.fence = Fence(6);
    forged.teaches->count.value = 1;
    ASSERT_EQ(store_.EndAttempt(forged, 29).value(), Store::Outcome::kStale);
    ASSERT_EQ(store_.EndAttempt(ended, 30).value(), Store::Outcome::kStored);
  }
  const auto stored = Store::Open(file_)->LoadReferences();
  ASSERT_EQ(stored->size(), 1u);
  EXPECT_EQ(stored->at(0).count.value, 5000u);
  EXPECT_EQ(stored->at(0).board_id, "b1");
}

TEST_F(StoreTest, AJobThatIsInAnotherStateIsNotMoved) {
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  {
    Database db = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
    ASSERT_TRUE(db.Execute("UPDATE job SET state='succeeded'").ok());
  }
  const Status moved = store_.AddLeases(std::span(&lease, 1), 11);
  EXPECT_EQ(moved.code(), Code::kInternal);
  EXPECT_THAT(moved.message(), HasSubstr("job 1 cannot become leased: it is not queued"));
  EXPECT_EQ(reader_->GetJob(lease.key.job)->attempts_size(), 0);
  EXPECT_EQ(reader_->GetCampaign(added->campaign)->counts().queued(), 1u);
}

TEST_F(StoreTest, ADatabaseOfTheFutureIsRefused) {
  {
    Database db = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
    ASSERT_TRUE(db.Execute("PRAGMA user_version=" + std::to_string(SchemaVersion() + 1)).ok());
  }
  EXPECT_EQ(Store::Open(file_).status().code(), Code::kFailedPrecondition);
}

TEST_F(StoreTest, AFailedTransactionLeavesNoTrace) {
  Database other = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const Lease lease = LeaseOf(added->queued[0], 1, 7);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  // The disk is full: SQLite may not grow the file.
  ASSERT_TRUE(other.Execute("PRAGMA wal_checkpoint(TRUNCATE)").ok());
  EndedAttempt huge = Success(lease.key);
  huge.log.assign(20'000, {1, std::string(1000, 'x')});
  ASSERT_TRUE(store_.LimitPagesForTest(200).ok());
  EXPECT_EQ(store_.EndAttempt(huge, 16).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(reader_->GetJob(lease.key.job)->state(), v1::JOB_STATE_LEASED);
  ASSERT_TRUE(store_.LimitPagesForTest(1'000'000).ok());
  EXPECT_EQ(store_.EndAttempt(huge, 17).value(), Store::Outcome::kStored);
}

}  // namespace
}  // namespace tinyrig::server
