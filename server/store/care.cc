#include "server/store/care.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

/// A piece of a copy: 1 MiB.
constexpr int kPagesOfPiece = 256;

Result<Database> OpenReader(const fs::path& file) {
  return Database::Open(file.string(), Database::Mode::kReadOnly);
}

/// Every row of a statement as one line of text.
Status AddLines(Database& db, std::string_view sql, std::string_view prefix,
                std::vector<std::string>* lines) {
  TRY_ASSIGN(Statement rows, db.Query(sql, kMaxProblems));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    if (rows.View(0) != "ok") lines->push_back(fmt::format("{}: {}", prefix, rows.View(0)));
  }
}

std::string ListOf(const std::vector<CampaignId>& campaigns) {
  std::string list;
  for (const CampaignId id : campaigns)
    list += (list.empty() ? "" : ",") + std::to_string(id.value);
  return "[" + list + "]";
}

Status SyncAndRename(const fs::path& from, const fs::path& to) {
  const int fd = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  // link() refuses an existing name, rename() would replace it.
  const bool named = synced && ::link(from.c_str(), to.c_str()) == 0;
  if (!named && errno == EEXIST) {
    return {Code::kAlreadyExists,
            fmt::format("{} exists; choose another name", to.filename().string())};
  }
  if (!named) {
    return {errno == ENOSPC ? Code::kResourceExhausted : Code::kUnavailable,
            fmt::format("cannot keep {}: {}; check the disk", to.string(), strerror(errno))};
  }
  const int dir = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return {};
  (void)::fsync(dir);
  ::close(dir);
  return {};
}

/// Copies within one read transaction: what the writer commits meanwhile is not seen, so that the
/// copy need not start again.
Status CopyPages(Database& from, Database& to, const std::function<bool()>& stopped) {
  TRY(from.Run("BEGIN"));
  TRY_ASSIGN(Statement look, from.Query("SELECT count(*) FROM sqlite_master"));
  TRY(look.Step());
  const std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> backup(
      sqlite3_backup_init(to.handle(), "main", from.handle(), "main"), sqlite3_backup_finish);
  if (backup == nullptr) {
    return SqliteStatus(to.handle(), sqlite3_errcode(to.handle()), "backup");
  }
  for (;;) {
    const int rc = sqlite3_backup_step(backup.get(), kPagesOfPiece);
    if (rc == SQLITE_DONE) return {};
    if (rc != SQLITE_OK) return SqliteStatus(to.handle(), rc, "backup");
    if (stopped()) return {Code::kCancelled, "the server stops; nothing was kept"};
  }
}

}  // namespace

Result<std::vector<std::string>> FindProblems(const fs::path& file) {
  TRY_ASSIGN(Database db, OpenReader(file));
  std::vector<std::string> problems;
  TRY(AddLines(db, "SELECT integrity_check FROM pragma_integrity_check(?)", "database", &problems));
  TRY(AddLines(db,
               "SELECT \"table\" || ' row ' || ifnull(rowid, '') || ' refers to a missing row of ' "
               "|| parent FROM pragma_foreign_key_check LIMIT ?",
               "reference", &problems));
  TRY(AddLines(
      db,
      "SELECT 'campaign ' || campaign_id || ' counts jobs that it has not' FROM campaign c "
      "JOIN (SELECT campaign_id, sum(state='queued') AS queued, sum(state='leased') AS "
      "leased, sum(state='succeeded') AS succeeded, sum(state='failed') AS failed, "
      "sum(state='infeasible') AS infeasible, sum(state='cancelled') AS cancelled FROM job "
      "GROUP BY campaign_id) j USING (campaign_id) WHERE (c.queued, c.leased, "
      "c.succeeded, c.failed, c.infeasible, c.cancelled) <> (j.queued, j.leased, "
      "j.succeeded, j.failed, j.infeasible, j.cancelled) LIMIT ?",
      "counter", &problems));
  return problems;
}

Status CopyDatabase(const fs::path& file, const fs::path& target,
                    const std::function<bool()>& stopped) {
  std::error_code error;
  if (fs::exists(target, error)) {
    return {Code::kAlreadyExists,
            fmt::format("{} exists; choose another name", target.filename().string())};
  }
  fs::path partial = target;
  partial += ".partial";
  const auto remove = [&] {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      fs::remove(fs::path(partial.string() + suffix), error);
    }
  };
  remove();
  const Status copied = [&]() -> Status {
    TRY_ASSIGN(Database from, OpenReader(file));
    TRY_ASSIGN(Database to, Database::OpenCopy(partial.string()));
    TRY(CopyPages(from, to, stopped));
    // Store::Open() finds this and raises the fence: see MoveBeyondCopy().
    TRY(
        to.Run("INSERT INTO counter VALUES('copied_min', unixepoch() / 60) ON CONFLICT DO UPDATE "
               "SET value=excluded.value"));
    return {};
  }();
  const Status kept = copied.ok() ? SyncAndRename(partial, target) : copied;
  remove();
  return kept;
}

Result<PrunePlan> PlanPrune(const fs::path& file, TimeUs before, bool details_only) {
  TRY_ASSIGN(Database db, OpenReader(file));
  PrunePlan plan;
  {
    TRY_ASSIGN(Statement rows,
               db.Query("SELECT c.campaign_id FROM campaign c WHERE c.queued+c.leased=0 AND "
                        "c.created_us<?1 AND NOT EXISTS(SELECT 1 FROM job j WHERE "
                        "j.campaign_id=c.campaign_id AND j.ended_us>=?1) AND NOT EXISTS(SELECT 1 "
                        "FROM reference_count r JOIN job j USING (job_id) WHERE "
                        "j.campaign_id=c.campaign_id) AND (?2=0 OR EXISTS(SELECT 1 FROM event e "
                        "WHERE e.campaign_id=c.campaign_id)) ORDER BY c.campaign_id",
                        before, details_only ? 1 : 0));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      plan.campaigns.emplace_back(rows.Uint(0));
    }
  }
  TRY_ASSIGN(
      Statement counts,
      db.Query("WITH old AS (SELECT job_id FROM job WHERE campaign_id IN (SELECT value FROM "
               "json_each(?1))) SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM old JOIN "
               "measurement USING (job_id) WHERE ?2=0), (SELECT count(*) FROM old JOIN log USING "
               "(job_id))",
               ListOf(plan.campaigns), details_only ? 1 : 0));
  TRY(counts.Step());
  plan.counts = {counts.Uint(0), counts.Uint(1), counts.Uint(2)};
  return plan;
}

Result<std::set<std::string>> ReferencedArtifacts(const fs::path& file,
                                                  const std::vector<CampaignId>& without,
                                                  bool details_only) {
  TRY_ASSIGN(Database db, OpenReader(file));
  const std::string all = "[]";
  const std::string gone = ListOf(without);
  const std::string& gone_jobs = details_only ? all : gone;
  std::set<std::string> hashes;
  const auto each = [&](std::string_view sql, const std::string& list,
                        const std::function<bool(const Statement&)>& add) -> Status {
    TRY_ASSIGN(Statement rows, db.Query(sql, list));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) return {};
      if (!add(rows)) {
        return {Code::kDataLoss, "what is stored of a campaign cannot be read; restore a backup"};
      }
    }
  };
  const auto add_hash = [&](const Statement& row) {
    hashes.insert(row.Text(0));
    return true;
  };
  TRY(each("SELECT spec FROM campaign WHERE campaign_id NOT IN (SELECT value FROM json_each(?))",
           gone_jobs, [&](const Statement& row) {
             v1::CampaignSpec spec;
             if (!row.Parse(0, &spec)) return false;
             for (const v1::ArtifactRef& model : spec.models()) hashes.insert(model.sha256());
             if (spec.vectors().has_npz()) hashes.insert(spec.vectors().npz().sha256());
             return true;
           }));
  TRY(
      each("SELECT p.image FROM plan p WHERE p.feasible AND EXISTS(SELECT 1 FROM job j WHERE "
           "j.plan_id=p.plan_id AND j.campaign_id NOT IN (SELECT value FROM json_each(?)))",
           gone_jobs, [&](const Statement& row) {
             v1::Image image;
             if (!row.Parse(0, &image)) return false;
             for (const v1::Segment& segment : image.segments()) {
               hashes.insert(segment.artifact().sha256());
             }
             return true;
           }));
  TRY(
      each("SELECT e.artifact_sha256 FROM expected e WHERE EXISTS(SELECT 1 FROM job j WHERE "
           "j.expected_id=e.expected_id AND j.campaign_id NOT IN (SELECT value FROM "
           "json_each(?)))",
           gone_jobs, add_hash));
  TRY(
      each("SELECT a.raw_sha256 FROM attempt a JOIN job j USING (job_id) WHERE a.raw_sha256<>'' "
           "AND j.campaign_id NOT IN (SELECT value FROM json_each(?))",
           gone, add_hash));
  return hashes;
}

}  // namespace tinyrig::server
