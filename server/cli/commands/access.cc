#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"
#include "server/model/names.h"

namespace tinyrig::cli {
namespace {

struct AuditOptions {
  std::string user;
  uint32_t limit = 50;
};

std::string OutcomeOf(const v1::AuditEntry& entry) {
  return entry.code() == 0 ? "ok" : entry.message();
}

Result<int> PrintAudit(const AuditOptions& options, const Common& common) {
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  v1::ListAuditRequest request;
  request.set_user(options.user);
  std::vector<v1::AuditEntry> entries;
  while (entries.size() < options.limit) {
    request.mutable_page()->set_size(
        std::min<uint32_t>(1000, options.limit - static_cast<uint32_t>(entries.size())));
    TRY_ASSIGN(const v1::ListAuditResponse page,
               session.client().Call(&v1::AccessService::Stub::ListAudit, request,
                                     "reading the audit log"));
    entries.insert(entries.end(), page.entries().begin(), page.entries().end());
    request.mutable_page()->set_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  if (common.json) {
    Json list = Json::array();
    for (const v1::AuditEntry& entry : entries) {
      list.push_back({{"audit_id", entry.audit_id()},
                      {"time", FormatTime(entry.time_us())},
                      {"user", entry.user()},
                      {"role", server::ToText(entry.role())},
                      {"peer", entry.peer()},
                      {"method", entry.method()},
                      {"request", entry.request()},
                      {"code", entry.code()},
                      {"message", entry.message()}});
    }
    fmt::print("{}", Dump({{"entries", list}}));
    return kExitOk;
  }
  if (entries.empty()) {
    fmt::print("nothing was changed or refused{}\n",
               options.user.empty() ? "" : fmt::format(" by {}", options.user));
    return kExitOk;
  }
  Table table({{"time"}, {"user"}, {"by"}, {"what"}, {"request"}, {"outcome"}});
  for (const v1::AuditEntry& entry : entries) {
    table.AddRow({FormatTime(entry.time_us()), entry.user().empty() ? "?" : entry.user(),
                  Printable(entry.peer()), entry.method(), Shorten(Printable(entry.request()), 60),
                  Shorten(Printable(OutcomeOf(entry)), 60)});
  }
  fmt::print("{}", table.Render());
  return kExitOk;
}

Result<int> PrintWhoAmI(const Common& common) {
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  TRY_ASSIGN(const v1::Identification who,
             session.client().Call(&v1::AccessService::Stub::WhoAmI, v1::WhoAmIRequest(),
                                   "asking who I am"));
  if (common.json) {
    Json json = {{"user", who.user()}, {"role", server::ToText(who.role())}, {"by", who.by()}};
    if (who.expires_us() != 0) json["expires"] = FormatTime(who.expires_us());
    fmt::print("{}", Dump(json));
  } else {
    fmt::print("{}, {}, by {}{}\n", who.user(), server::ToText(who.role()), who.by(),
               who.expires_us() == 0 ? "" : " until " + FormatTime(who.expires_us()));
  }
  return kExitOk;
}

}  // namespace

Runner DefineWhoAmI(CLI::App&) { return PrintWhoAmI; }

Runner DefineAudit(CLI::App& app) {
  auto options = std::make_shared<AuditOptions>();
  app.add_option("--user", options->user, "Of this user only");
  app.add_option("--limit", options->limit, "At most so many, newest first (default: 50)")
      ->check(CLI::PositiveNumber);
  return [options](const Common& common) { return PrintAudit(*options, common); };
}

}  // namespace tinyrig::cli
