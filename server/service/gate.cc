#include "server/service/gate.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/dispatch.hpp>
#include <span>

#include "proto/text/utf8.h"
#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/service/audit.h"
#include "server/store/page.h"

namespace tinyrig::server {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr size_t kMaxSecretBytes = 256;
constexpr TimeUs kUseStepUs = 60'000'000;  // How exactly the last use of a token is stored.
constexpr TimeUs kRefusalWindowUs = 60'000'000;
constexpr uint32_t kMaxRefusals = 60;  // In one window; more are only counted.

std::string ProcessOwner() {
  const passwd* entry = getpwuid(geteuid());
  return entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
}

// 256 random bits. Nobody guesses those, so the hash needs no salt and looking it up no constant
// time: whoever could time it would have to find a SHA-256 with a given beginning first.
Result<std::string> NewSecret() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) {
    return Status(Code::kInternal, "the system gives no random numbers");
  }
  std::string secret = "tinyrig_";
  for (const unsigned char byte : bytes) secret += fmt::format("{:02x}", byte);
  return secret;
}

bool IsName(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, plain);
}

Status CheckTokenRequest(const v1::CreateTokenRequest& request, TimeUs now) {
  if (!IsName(request.name()) || !IsName(request.user())) {
    return {Code::kInvalidArgument,
            "name and user of a token are at most 64 letters, digits, '-', '_' or '.'"};
  }
  if (ToText(request.role()).empty()) {
    return {Code::kInvalidArgument,
            "a token needs a role: viewer, submitter, operator, admin or agent"};
  }
  if (request.expires_us() != 0 && request.expires_us() <= now) {
    return {Code::kInvalidArgument, "the token would have expired already"};
  }
  return {};
}

v1::AuditEntry MakeEntry(const Caller& caller, const MethodRule& rule, const Status& outcome) {
  v1::AuditEntry entry;
  entry.set_user(caller.user);
  entry.set_role(caller.role);
  // gRPC has no more to say of who is on a unix socket.
  const bool nameless = caller.peer.empty() || caller.peer == "unix:";
  entry.set_peer(caller.by.empty() ? caller.peer
                 : nameless        ? caller.by
                                   : fmt::format("{}, {}", caller.by, caller.peer));
  entry.set_method(rule.name);
  entry.set_code(static_cast<uint32_t>(outcome.code()));
  entry.set_message(ToUtf8(outcome.message()));
  return entry;
}

v1::Token FactsNow(const Caller::Token& token) {
  v1::Token facts = token.facts;
  facts.set_revoked_us(token.revoked_us);
  facts.set_last_used_us(token.last_used_us);
  return facts;
}

}  // namespace

Gate::Gate(const Clock& clock, Executors executors, Store& store, MethodRules rules)
    : clock_(clock),
      executors_(executors),
      store_(store),
      rules_(std::move(rules)),
      owner_(ProcessOwner()) {}

Status Gate::Load() {
  TRY_ASSIGN(const std::vector<Store::StoredToken> stored, store_.LoadTokens());
  for (const Store::StoredToken& one : stored) {
    auto token = std::make_shared<Caller::Token>();
    token->facts = one.token;
    token->revoked_us = one.token.revoked_us();
    token->last_used_us = one.token.last_used_us();
    tokens_[one.secret_sha256] = std::move(token);
  }
  return {};
}

Result<Caller> Gate::Admit(const Credentials& credentials,
                           const google::protobuf::Descriptor* request) {
  const MethodRule* rule = rules_.Find(request);
  if (rule == nullptr) {
    return Status(Code::kInternal, "no method takes a " + request->full_name());
  }
  Result<Caller> caller = Identify(credentials);
  if (!caller.ok()) {
    Caller stranger;
    stranger.peer = credentials.peer;
    Refused(stranger, *rule, caller.status());
    return caller.status();
  }
  caller->peer = credentials.peer;
  if (!caller->local && !rule->Admits(caller->role)) {
    const Status why(Code::kPermissionDenied,
                     fmt::format("{} takes the role {}, and {} has {}", rule->name,
                                 ToText(rule->role), caller->user, ToText(caller->role)));
    Refused(*caller, *rule, why);
    return why;
  }
  return caller;
}

Result<Caller> Gate::Identify(const Credentials& credentials) {
  if (!credentials.authorization.empty()) return IdentifyToken(credentials.authorization);
  Caller caller;
  if (!credentials.certificate.empty()) {
    caller.user = credentials.certificate;
    caller.role = v1::ROLE_AGENT;
    caller.by = "certificate " + credentials.certificate;
    return caller;
  }
  if (credentials.local_socket) {
    caller.user = owner_;
    caller.role = v1::ROLE_ADMIN;
    caller.local = true;
    caller.by = "local socket";
    return caller;
  }
  return Status(Code::kUnauthenticated,
                "this address asks for a token; whoever runs the server makes one with 'tinyrig "
                "token create'");
}

Result<Caller> Gate::IdentifyToken(const std::string& authorization) {
  const Status unknown(Code::kUnauthenticated, "this token is not known here");
  if (!authorization.starts_with(kBearer) || authorization.size() > kMaxSecretBytes) return unknown;
  const std::string hash =
      Sha256Hex(AsBytes(std::string_view(authorization).substr(kBearer.size())));
  Caller caller;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tokens_.find(hash);
    if (found == tokens_.end()) return unknown;
    caller.token = found->second;
  }
  caller.user = caller.token->facts.user();
  caller.role = caller.token->facts.role();
  caller.by = "token " + caller.token->facts.name();
  TRY(StillAdmitted(caller));
  const TimeUs now = clock_.Now();
  TimeUs last = caller.token->last_used_us;
  if (now - last >= kUseStepUs && caller.token->last_used_us.compare_exchange_strong(last, now)) {
    boost::asio::post(executors_.io, [this, id = caller.token->facts.token_id(), now] {
      // For people; a full disk keeps nobody out.
      (void)store_.SaveTokenUse(id, now);
    });
  }
  return caller;
}

Status Gate::StillAdmitted(const Caller& caller) const {
  if (caller.token == nullptr) return {};
  const v1::Token& facts = caller.token->facts;
  if (caller.token->revoked_us != 0) {
    return {Code::kUnauthenticated, fmt::format("the token '{}' was revoked", facts.name())};
  }
  if (facts.expires_us() != 0 && facts.expires_us() <= clock_.Now()) {
    return {Code::kUnauthenticated, fmt::format("the token '{}' has expired", facts.name())};
  }
  return {};
}

void Gate::Count(const google::protobuf::Descriptor* request, Code outcome) {
  const MethodRule* rule = rules_.Find(request);
  if (rule == nullptr) return;
  const std::lock_guard lock(mutex_);
  ++calls_[{rule->name, outcome}];
}

std::map<std::pair<std::string, std::string>, uint64_t> Gate::Calls() const {
  std::map<std::pair<std::string, std::string>, uint64_t> calls;
  const std::lock_guard lock(mutex_);
  for (const auto& [call, count] : calls_) {
    calls[{call.first, std::string(CodeName(call.second))}] = count;
  }
  return calls;
}

void Gate::Record(const Caller& caller, const google::protobuf::Message& request,
                  const Status& outcome) {
  const MethodRule* rule = rules_.Find(request.GetDescriptor());
  if (rule == nullptr || !rule->change) return;
  v1::AuditEntry entry = MakeEntry(caller, *rule, outcome);
  entry.set_request(RequestForAudit(request));
  Write(std::move(entry));
}

void Gate::Refused(const Caller& caller, const MethodRule& rule, const Status& why) {
  {
    const std::lock_guard lock(mutex_);
    ++calls_[{rule.name, why.code()}];
    const TimeUs now = clock_.Now();
    if (now - refusals_since_us_ > kRefusalWindowUs) {
      if (refusals_ > kMaxRefusals) {
        spdlog::warn("{} calls were refused in a minute, {} of them are in the audit log",
                     refusals_, kMaxRefusals);
      }
      refusals_since_us_ = now;
      refusals_ = 0;
    }
    if (++refusals_ > kMaxRefusals) return;
  }
  Write(MakeEntry(caller, rule, why));
}

void Gate::Write(v1::AuditEntry entry) {
  entry.set_time_us(clock_.Now());
  // At once when this is the io thread: who asks for the log after an answer finds the change
  // there.
  boost::asio::dispatch(executors_.io, [this, entry = std::move(entry)] {
    if (const Status status = store_.AddAudit(entry); !status.ok()) {
      spdlog::error("audit: {} of {} by '{}' could not be logged: {}", entry.method(), entry.peer(),
                    entry.user(), status.message());
    }
  });
}

Result<v1::CreateTokenResponse> Gate::CreateToken(const v1::CreateTokenRequest& request,
                                                  const Caller& caller) {
  const TimeUs now = clock_.Now();
  TRY(CheckTokenRequest(request, now));
  v1::CreateTokenResponse response;
  TRY_ASSIGN(*response.mutable_secret(), NewSecret());
  v1::Token token;
  token.set_name(request.name());
  token.set_user(request.user());
  token.set_role(request.role());
  token.set_expires_us(request.expires_us());
  token.set_created_us(now);
  token.set_created_by(caller.user);
  const std::string hash = Sha256Hex(AsBytes(response.secret()));
  TRY_ASSIGN(*response.mutable_token(), store_.AddToken(std::move(token), hash));
  auto known = std::make_shared<Caller::Token>();
  known->facts = response.token();
  const std::lock_guard lock(mutex_);
  tokens_[hash] = std::move(known);
  return response;
}

Result<v1::Token> Gate::RevokeToken(const std::string& name) {
  const TimeUs now = clock_.Now();
  TRY(store_.RevokeToken(name, now));
  const std::lock_guard lock(mutex_);
  for (const auto& [hash, token] : tokens_) {
    if (token->facts.name() != name) continue;
    token->revoked_us = now;
    return FactsNow(*token);
  }
  return Status(Code::kInternal, fmt::format("token '{}' is stored and not known", name));
}

Result<v1::ListTokensResponse> Gate::ListTokens(const v1::Page& page) const {
  TRY_ASSIGN(const uint64_t after, PageStart(page, 0));
  std::map<uint64_t, v1::Token> by_id;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [hash, token] : tokens_) {
      if (token->facts.token_id() > after) by_id[token->facts.token_id()] = FactsNow(*token);
    }
  }
  v1::ListTokensResponse response;
  for (auto& [id, token] : by_id) {
    if (response.tokens_size() == static_cast<int>(PageSize(page))) {
      response.set_next_page_token(std::to_string(response.tokens().rbegin()->token_id()));
      break;
    }
    *response.add_tokens() = std::move(token);
  }
  return response;
}

}  // namespace tinyrig::server
