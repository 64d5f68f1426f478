#include <fmt/format.h>

#include <memory>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/table.h"
#include "server/model/names.h"

namespace tinyrig::cli {
namespace {

constexpr const char* kRoles = "viewer, submitter, operator, admin or agent";

struct TokenOptions {
  std::string name;
  std::string user;
  std::string role;
  std::string expires = "90d";
};

std::string RoleText(v1::Role role) { return std::string(server::ToText(role)); }

Json TokenJson(const v1::Token& token) {
  Json json = {{"name", token.name()},
               {"user", token.user()},
               {"role", RoleText(token.role())},
               {"created", FormatTime(token.created_us())},
               {"created_by", token.created_by()}};
  if (token.expires_us() != 0) json["expires"] = FormatTime(token.expires_us());
  if (token.revoked_us() != 0) json["revoked"] = FormatTime(token.revoked_us());
  if (token.last_used_us() != 0) json["last_used"] = FormatTime(token.last_used_us());
  return json;
}

Result<int> CreateToken(const TokenOptions& options, const Common& common) {
  v1::CreateTokenRequest request;
  request.set_name(options.name);
  request.set_user(options.user);
  request.set_role(server::RoleFromText(options.role));
  if (options.expires != "never") {
    TRY_ASSIGN(const int64_t life_us, ParseDuration(options.expires));
    request.set_expires_us(NowUs() + life_us);
  }
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  TRY_ASSIGN(const v1::CreateTokenResponse created,
             session.client().Call(&v1::AccessService::Stub::CreateToken, request,
                                   fmt::format("making token '{}'", options.name)));
  if (common.json) {
    Json json = TokenJson(created.token());
    json["secret"] = created.secret();
    fmt::print("{}", Dump(json));
    return kExitOk;
  }
  fmt::print(stderr, "token '{}' for {} as {}, {}; it is shown only now:\n", options.name,
             options.user, options.role,
             created.token().expires_us() == 0
                 ? "without end"
                 : "until " + FormatTime(created.token().expires_us()));
  fmt::print("{}\n", created.secret());
  return kExitOk;
}

std::string StateOf(const v1::Token& token) {
  if (token.revoked_us() != 0) return "revoked " + FormatTime(token.revoked_us());
  if (token.expires_us() == 0) return "in force";
  return (token.expires_us() <= NowUs() ? "expired " : "until ") + FormatTime(token.expires_us());
}

Result<int> ListTokens(const Common& common) {
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  TRY_ASSIGN(const auto tokens,
             session.client().CallPages(
                 &v1::AccessService::Stub::ListTokens, v1::ListTokensRequest(), "listing tokens",
                 [](v1::ListTokensResponse & r) -> auto& { return *r.mutable_tokens(); }));
  if (common.json) {
    Json list = Json::array();
    for (const v1::Token& token : tokens) list.push_back(TokenJson(token));
    fmt::print("{}", Dump({{"tokens", list}}));
    return kExitOk;
  }
  if (tokens.empty()) {
    fmt::print("there is no token; only the local socket gets in\n");
    return kExitOk;
  }
  Table table({{"token"}, {"user"}, {"role"}, {"state"}, {"last used"}});
  for (const v1::Token& token : tokens) {
    table.AddRow({token.name(), token.user(), RoleText(token.role()), StateOf(token),
                  token.last_used_us() == 0 ? "never" : FormatTime(token.last_used_us())});
  }
  fmt::print("{}", table.Render());
  return kExitOk;
}

Result<int> RevokeToken(const TokenOptions& options, const Common& common) {
  v1::RevokeTokenRequest request;
  request.set_name(options.name);
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  TRY_ASSIGN(const v1::Token token,
             session.client().Call(&v1::AccessService::Stub::RevokeToken, request,
                                   fmt::format("revoking token '{}'", options.name)));
  if (common.json) {
    fmt::print("{}", Dump(TokenJson(token)));
  } else {
    fmt::print("token '{}' is revoked; streams that it opened end with their next message\n",
               token.name());
  }
  return kExitOk;
}

}  // namespace

Runner DefineToken(CLI::App& app) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App* create = app.add_subcommand("create", "Make a token and print its secret, once");
  create->add_option("NAME", options->name, "What it is called; a name is used once")->required();
  create->add_option("--user", options->user, "Who it speaks for; for agents their --agent-id")
      ->required();
  create->add_option("--role", options->role, kRoles)
      ->required()
      ->check(CLI::IsMember({"viewer", "submitter", "operator", "admin", "agent"}));
  create->add_option("--expires", options->expires, "From now: 12h, 90d, or 'never' (default: 90d)")
      ->type_name("TIME");
  CLI::App* list = app.add_subcommand("list", "Show all tokens, without their secrets");
  CLI::App* revoke = app.add_subcommand("revoke", "End a token at once");
  revoke->add_option("NAME", options->name, "Which")->required();
  app.require_subcommand(1);
  return [options, create, list](const Common& common) -> Result<int> {
    if (create->parsed()) return CreateToken(*options, common);
    if (list->parsed()) return ListTokens(common);
    return RevokeToken(*options, common);
  };
}

}  // namespace tinyrig::cli
