// Tokens and the audit log.

#include <fmt/format.h>

#include "server/model/names.h"
#include "server/store/page.h"
#include "server/store/reader.h"
#include "server/store/store.h"

namespace tinyrig::server {
namespace {

v1::AuditEntry ReadEntry(const Statement& row) {
  v1::AuditEntry entry;
  entry.set_audit_id(row.Uint(0));
  entry.set_time_us(row.Int(1));
  entry.set_user(row.Text(2));
  entry.set_role(RoleFromText(row.View(3)));
  entry.set_peer(row.Text(4));
  entry.set_method(row.Text(5));
  entry.set_request(row.Text(6));
  entry.set_code(row.Uint32(7));
  entry.set_message(row.Text(8));
  return entry;
}

}  // namespace

Result<v1::Token> Store::AddToken(v1::Token token, const std::string& secret_sha256) {
  TRY(db_.Run(
      "INSERT INTO token(name, user, role, secret_sha256, created_us, created_by, expires_us) "
      "VALUES(?,?,?,?,?,?,?) ON CONFLICT(name) DO NOTHING",
      token.name(), token.user(), ToText(token.role()), secret_sha256, token.created_us(),
      token.created_by(), token.expires_us()));
  if (db_.Changes() == 0) {
    return Status(
        Code::kAlreadyExists,
        fmt::format("there is or was a token '{}'; a name is used once, so that the audit "
                    "log stays clear: choose another",
                    token.name()));
  }
  token.set_token_id(static_cast<uint64_t>(db_.LastInsertId()));
  return token;
}

Status Store::RevokeToken(const std::string& name, TimeUs now) {
  TRY(db_.Run("UPDATE token SET revoked_us=? WHERE name=? AND revoked_us=0", now, name));
  if (db_.Changes() > 0) return {};
  return {Code::kNotFound,
          fmt::format("no token '{}' is in force; 'tinyrig token list' shows them", name)};
}

Status Store::SaveTokenUse(uint64_t token_id, TimeUs last_used_us) {
  return db_.Run("UPDATE token SET last_used_us=? WHERE token_id=?", last_used_us, token_id);
}

Result<std::vector<Store::StoredToken>> Store::LoadTokens() {
  TRY_ASSIGN(Statement rows,
             db_.Query("SELECT token_id, name, user, role, secret_sha256, created_us, created_by, "
                       "expires_us, revoked_us, last_used_us FROM token ORDER BY token_id"));
  std::vector<StoredToken> tokens;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return tokens;
    StoredToken& stored = tokens.emplace_back();
    stored.token.set_token_id(rows.Uint(0));
    stored.token.set_name(rows.Text(1));
    stored.token.set_user(rows.Text(2));
    stored.token.set_role(RoleFromText(rows.View(3)));
    stored.secret_sha256 = rows.Text(4);
    stored.token.set_created_us(rows.Int(5));
    stored.token.set_created_by(rows.Text(6));
    stored.token.set_expires_us(rows.Int(7));
    stored.token.set_revoked_us(rows.Int(8));
    stored.token.set_last_used_us(rows.Int(9));
  }
}

Status Store::CheckWritable() { return Transaction::Begin(db_).status(); }

Status Store::AddAudit(const v1::AuditEntry& entry) {
  return db_.Run(
      "INSERT INTO audit(time_us, user, role, peer, method, request, code, message) "
      "VALUES(?,?,?,?,?,?,?,?)",
      entry.time_us(), entry.user(), ToText(entry.role()), entry.peer(), entry.method(),
      entry.request(), entry.code(), entry.message());
}

Result<PageOf<v1::AuditEntry>> Reader::ListAudit(const std::string& user, const v1::Page& page) {
  TRY_ASSIGN(const uint64_t before, PageStart(page, INT64_MAX));
  const uint32_t size = PageSize(page);
  TRY_ASSIGN(Statement rows,
             db_.Query("SELECT audit_id, time_us, user, role, peer, method, request, code, message "
                       "FROM audit WHERE audit_id<? AND (?='' OR user=?) ORDER BY audit_id DESC "
                       "LIMIT ?",
                       before, user, user, size + 1));
  return ReadPage<v1::AuditEntry>(rows, size, &ReadEntry,
                                  [](const v1::AuditEntry& entry) { return entry.audit_id(); });
}

}  // namespace tinyrig::server
