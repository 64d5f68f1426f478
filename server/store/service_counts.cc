#include "server/store/service_counts.h"

namespace tinyrig::server {
namespace {

Status FillByWord(Database& db, std::string_view sql, std::map<std::string, uint64_t>* counts) {
  TRY_ASSIGN(Statement rows, db.Query(sql));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    (*counts)[rows.Text(0)] = rows.Uint(1);
  }
}

}  // namespace

Result<ServiceCounts> CountService(Database& db) {
  ServiceCounts counts;
  TRY(FillByWord(
      db,
      "WITH s AS (SELECT sum(queued) q, sum(leased) l, sum(succeeded) s, sum(failed) f, "
      "sum(infeasible) i, sum(cancelled) c FROM campaign) "
      "SELECT 'queued', coalesce(q,0) FROM s UNION ALL SELECT 'leased', coalesce(l,0) FROM s "
      "UNION ALL SELECT 'succeeded', coalesce(s,0) FROM s UNION ALL "
      "SELECT 'failed', coalesce(f,0) FROM s UNION ALL "
      "SELECT 'infeasible', coalesce(i,0) FROM s UNION ALL "
      "SELECT 'cancelled', coalesce(c,0) FROM s",
      &counts.jobs_by_state));
  TRY(FillByWord(db,
                 "SELECT board_type, count(*) FROM job WHERE state='queued' GROUP BY board_type",
                 &counts.queued_by_type));
  // All jobs of a campaign have its priority.
  TRY(FillByWord(db,
                 "SELECT (SELECT max(-10, min(10, j.priority)) FROM job j WHERE j.campaign_id = "
                 "c.campaign_id LIMIT 1), sum(queued) FROM campaign c WHERE queued > 0 GROUP BY 1",
                 &counts.queued_by_priority));
  TRY(FillByWord(db, "SELECT owner, count(*) FROM job WHERE state='failed' GROUP BY owner",
                 &counts.failed_by_owner));
  return counts;
}

}  // namespace tinyrig::server
