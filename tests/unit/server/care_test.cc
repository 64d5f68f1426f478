#include "server/store/care.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "server/store/artifact_folder.h"
#include "server/store/user_query.h"
#include "tests/unit/server/store_filler.h"
#include "tests/unit/server/store_fixture.h"

namespace tinyrig::server {
namespace {

class CareTest : public StoreFixture {
 protected:
  void Fill(int campaigns) {
    StoreFiller filler(store_, 700, 50);
    for (int i = 0; i < campaigns; ++i) ASSERT_TRUE(filler.AddCampaign().ok());
  }
  uint64_t Count(const std::filesystem::path& file, const std::string& table) {
    Database db = Database::Open(file.string(), Database::Mode::kReadOnly).value();
    auto row = db.Query("SELECT count(*) FROM " + table);
    EXPECT_TRUE(row.ok() && row->Step().value());
    return row->Uint(0);
  }
  uint64_t Count(const std::string& table) { return Count(file_, table); }
  /// Behind the store's back, without its rules.
  void Spoil(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }
  uint64_t LastFence(const std::filesystem::path& file) {
    return Store::Open(file)->LoadUnfinished()->last_fence.value;
  }

  static bool Never() { return false; }
};

TEST_F(CareTest, AWholeStoreHasNoProblems) {
  Fill(1);
  const auto problems = FindProblems(file_);
  ASSERT_TRUE(problems.ok()) << problems.status().ToString();
  EXPECT_EQ(*problems, std::vector<std::string>());
}

TEST_F(CareTest, DamageIsNamed) {
  Fill(1);
  Spoil("DELETE FROM job WHERE job_id=17");
  std::string all;
  const std::vector<std::string> problems = FindProblems(file_).value();
  for (const std::string& problem : problems) all += problem + "\n";
  EXPECT_NE(all.find("measurement row"), all.npos) << all;
  EXPECT_NE(all.find("counts jobs that it has not"), all.npos) << all;
}

TEST_F(CareTest, ACopyIsOfOneMomentThoughTheWriterGoesOn) {
  Fill(3);
  const uint64_t jobs = Count("job");
  int pieces = 0;
  const auto write = [&] {
    ++pieces;
    EXPECT_TRUE(store_.AddCampaign(Campaign(20, 0), 10).ok());
    return false;
  };
  const std::filesystem::path copy = dir_.path() / "copy.db";
  const Status copied = CopyDatabase(file_, copy, write);
  ASSERT_TRUE(copied.ok()) << copied.ToString();
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(Count(copy, "job"), jobs);
  EXPECT_EQ(Count("job"), jobs + 20 * static_cast<uint64_t>(pieces));
  EXPECT_EQ(FindProblems(copy).value(), std::vector<std::string>());
  EXPECT_EQ(CopyDatabase(file_, copy, Never).code(), Code::kAlreadyExists);
  EXPECT_EQ(Count(copy, "job"), jobs);
}

TEST_F(CareTest, ACopyThatWasStoppedIsNotThere) {
  Fill(3);
  const std::filesystem::path copy = dir_.path() / "copy.db";
  EXPECT_EQ(CopyDatabase(file_, copy, [] { return true; }).code(), Code::kCancelled);
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.path().filename().string().find("copy"), std::string::npos) << entry.path();
  }
}

TEST_F(CareTest, FencesOfACopyAreAboveThoseOfTheOriginal) {
  const std::filesystem::path copy = dir_.path() / "copy.db";
  ASSERT_TRUE(CopyDatabase(file_, copy, Never).ok());
  // The original works on; then the copy takes its place.
  const auto added = store_.AddCampaign(Campaign(1, 0), 10);
  const uint64_t before = store_.LoadUnfinished()->last_fence.value;
  const Lease lease = LeaseOf(added->queued[0], 1, before + 100'000);
  ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
  const uint64_t original = store_.LoadUnfinished()->last_fence.value;
  const uint64_t restored = LastFence(copy);
  EXPECT_GT(restored, original);
  EXPECT_LT(restored, uint64_t{1} << 53);
  // Once: a store that starts again goes on where it was.
  EXPECT_EQ(LastFence(copy), restored);
}

TEST_F(CareTest, ForgettingLeavesNothingBehindAndTouchesNothingElse) {
  Fill(2);
  const auto waiting = store_.AddCampaign(Campaign(2, 1), 10);
  ASSERT_TRUE(waiting.ok());
  const TimeUs before = INT64_MAX;
  const PrunePlan plan = PlanPrune(file_, before, false).value();
  EXPECT_EQ(plan.campaigns, (std::vector<CampaignId>{CampaignId(1), CampaignId(2)}));
  PruneCounts counts;
  for (const CampaignId campaign : plan.campaigns) {
    JobId after;
    for (bool done = false; !done;) {
      const auto piece = store_.Forget(campaign, after, false, 100);
      ASSERT_TRUE(piece.ok()) << piece.status().ToString();
      counts.jobs += piece->counts.jobs;
      counts.measurements += piece->counts.measurements;
      counts.log_lines += piece->counts.log_lines;
      after = piece->last;
      done = piece->done;
      EXPECT_EQ(FindProblems(file_).value(), std::vector<std::string>());
    }
  }
  // What was promised is what was done.
  EXPECT_EQ(counts.jobs, plan.counts.jobs);
  EXPECT_EQ(counts.measurements, plan.counts.measurements);
  EXPECT_EQ(counts.log_lines, plan.counts.log_lines);
  EXPECT_EQ(counts.jobs, 1400u);
  EXPECT_EQ(Count("job"), 3u);
  EXPECT_EQ(Count("plan"), 2u);
  EXPECT_EQ(Count("campaign"), 1u);
  for (const char* table : {"log", "layer_hash", "front_point", "attempt"})
    EXPECT_EQ(Count(table), 0u) << table;
  EXPECT_EQ(Count("measurement"), 1u);  // Of the infeasible job that is kept.
  EXPECT_GT(Count("series"), 0u);       // The series tell of what is gone.
}

TEST_F(CareTest, ForgettingDetailsKeepsWhatWasMeasured) {
  Fill(1);
  const uint64_t measurements = Count("measurement");
  const uint64_t attempts = Count("attempt");
  ASSERT_FALSE(ReferencedArtifacts(file_, {}, false)->empty());
  const uint64_t referenced = ReferencedArtifacts(file_, {CampaignId(1)}, true)->size();
  JobId after;
  for (bool done = false; !done;) {
    const auto piece = store_.Forget(CampaignId(1), after, true, 100);
    ASSERT_TRUE(piece.ok());
    after = piece->last;
    done = piece->done;
  }
  EXPECT_EQ(Count("measurement"), measurements);
  EXPECT_EQ(Count("attempt"), attempts);
  for (const char* table : {"log", "layer_hash", "event"}) EXPECT_EQ(Count(table), 0u) << table;
  EXPECT_EQ(ReferencedArtifacts(file_, {}, false)->size(), referenced);
  EXPECT_TRUE(PlanPrune(file_, INT64_MAX, true)->campaigns.empty());
  EXPECT_EQ(FindProblems(file_).value(), std::vector<std::string>());
}

TEST_F(CareTest, WhatIsNotOldIsKept) {
  StoreFiller filler(store_, 30, 10);
  ASSERT_TRUE(filler.AddCampaign().ok());
  const auto ended =
      RunUserQuery(file_, "SELECT max(ended_us) FROM jobs", {})->rows[0].values(0).integer();
  EXPECT_TRUE(PlanPrune(file_, ended, false)->campaigns.empty());
  EXPECT_EQ(PlanPrune(file_, ended + 1, false)->campaigns.size(), 1u);
  // A job that is run again makes its campaign a young one.
  const auto done = RunUserQuery(file_, "SELECT min(job_id) FROM jobs WHERE state='succeeded'", {})
                        ->rows[0]
                        .values(0)
                        .integer();
  ASSERT_TRUE(store_.RerunJob(JobId(static_cast<uint64_t>(done)), "", ended).ok());
  EXPECT_TRUE(PlanPrune(file_, INT64_MAX, false)->campaigns.empty());
  const auto piece = store_.Forget(CampaignId(1), JobId(0), false, 100);
  EXPECT_TRUE(piece->done);
  EXPECT_EQ(piece->counts.jobs, 0u);
}

class ArtifactCareTest : public testing::Test {
 protected:
  std::string Put(const std::string& text) { return folder_.Put(AsBytes(text)).value(); }
  std::filesystem::path PathOf(const std::string& sha256) {
    return dir_.path() / sha256.substr(0, 2) / sha256.substr(2);
  }
  void MakeOld(const std::string& sha256) {
    const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, PathOf(sha256).c_str(), old, 0), 0);
  }

  TempDir dir_;
  ArtifactFolder folder_ = ArtifactFolder::Open(dir_.path()).value();
};

TEST_F(ArtifactCareTest, OnlyWhatNobodyUsedIsRemoved) {
  const std::string fresh = Put("fresh");
  const std::string old = Put("old");
  const std::string pinned = Put("pinned");
  const std::string asked = Put("asked");
  const std::string read = Put("read");
  const std::string again = Put("again");
  folder_.Pin(pinned);
  for (const std::string& sha256 : {old, pinned, asked, read, again}) MakeOld(sha256);
  EXPECT_EQ(*folder_.Size(asked), 5u);
  EXPECT_TRUE(folder_.Read(read).ok());
  Put("again");
  const auto entries = folder_.List().value();
  ASSERT_EQ(entries.size(), 6u);
  for (const ArtifactFolder::Entry& entry : entries) {
    EXPECT_EQ(entry.removable, entry.sha256 == old) << entry.sha256;
    EXPECT_EQ(folder_.Remove(entry.sha256).value(), entry.sha256 == old);
  }
  EXPECT_EQ(folder_.List()->size(), 5u);
  EXPECT_EQ(folder_.Size(old).status().code(), Code::kNotFound);
}

TEST_F(ArtifactCareTest, UploadsInProgressAreNoEntries) {
  auto upload = folder_.StartUpload(Sha256Hex(AsBytes("later")), 5).value();
  ASSERT_TRUE(upload.Append(AsBytes("la")).ok());
  EXPECT_TRUE(folder_.List()->empty());
  ASSERT_TRUE(upload.Append(AsBytes("ter")).ok());
  ASSERT_TRUE(upload.Finish().ok());
  EXPECT_EQ(folder_.List()->size(), 1u);
}

TEST_F(ArtifactCareTest, ChangedContentIsFound) {
  const std::string sha256 = Put(std::string(3'000'000, 'x'));
  EXPECT_TRUE(folder_.Verify(sha256).ok());
  std::filesystem::permissions(PathOf(sha256), std::filesystem::perms::owner_all);
  std::ofstream(PathOf(sha256), std::ios::in | std::ios::out) << "y";
  EXPECT_EQ(folder_.Verify(sha256).code(), Code::kDataLoss);
}

}  // namespace
}  // namespace tinyrig::server
