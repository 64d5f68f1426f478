#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/access.pb.h"
#include "server/model/method_rules.h"
#include "server/service/clock.h"
#include "server/service/executor.h"
#include "server/store/store.h"

namespace tinyrig::server {

/// What a caller showed.
struct Credentials {
  std::string authorization;  ///< "Bearer SECRET", or empty.
  std::string certificate;    ///< Common name of a verified certificate, or empty.
  bool local_socket = false;  ///< Came through a unix socket: the folder's permissions let it in.
  std::string peer;           ///< For the audit log.
};

/// Who calls. A copy stays valid; whether it may still go on is the gate's to say.
struct Caller {
  std::string user;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  bool local =
      false;       ///< Came through the unix socket: may do everything, and says its user itself.
  std::string by;  ///< "token NAME", "certificate NAME", "local socket"
  std::string peer;
  struct Token {
    v1::Token facts;
    std::atomic<TimeUs> revoked_us{0};
    std::atomic<TimeUs> last_used_us{0};
  };
  std::shared_ptr<Token> token;  ///< Null for the others.

  /// The user that a request speaks for: a token or certificate says it, the local socket believes.
  const std::string& UserOr(const std::string& claimed) const {
    return local && !claimed.empty() ? claimed : user;
  }
  /// Whether it may change what belongs to `owner`.
  bool MayChange(const std::string& owner) const {
    return local || user == owner || role == v1::ROLE_OPERATOR || role == v1::ROLE_ADMIN;
  }
};

/// Decides who gets in, and keeps the log of what was asked for. Tokens are held in memory: a call
/// costs a hash and no query.
class Gate {
 public:
  Gate(const Clock& clock, Executors executors, Store& store, MethodRules rules);
  /// Takes up the stored tokens.
  Status Load();

  /// Thread safe. Errors: kUnauthenticated: nothing valid was shown. kPermissionDenied: its role
  /// does not suffice. kInternal: no method takes such a request. Refusals are logged.
  Result<Caller> Admit(const Credentials& credentials, const google::protobuf::Descriptor* request);
  /// Whether an admitted caller still is: a stream asks before each message. Thread safe.
  Status StillAdmitted(const Caller& caller) const;
  /// A call has ended: counts it. Thread safe.
  void Count(const google::protobuf::Descriptor* request, Code outcome);
  /// Ended calls by method and outcome ("NOT_FOUND"), refusals among them. Thread safe.
  std::map<std::pair<std::string, std::string>, uint64_t> Calls() const;
  /// The outcome of an admitted call, for the audit log; only changes are kept. Thread safe.
  void Record(const Caller& caller, const google::protobuf::Message& request,
              const Status& outcome);

  // On the io thread:
  Result<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request,
                                              const Caller& caller);
  Result<v1::Token> RevokeToken(const std::string& name);
  Result<v1::ListTokensResponse> ListTokens(const v1::Page& page) const;

 private:
  Result<Caller> Identify(const Credentials& credentials);
  Result<Caller> IdentifyToken(const std::string& authorization);
  void Refused(const Caller& caller, const MethodRule& rule, const Status& why);
  void Write(v1::AuditEntry entry);

  const Clock& clock_;
  Executors executors_;
  Store& store_;
  const MethodRules rules_;
  const std::string owner_;  // The user that this process runs as.
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Caller::Token>> tokens_;  // By hash of the secret.
  std::map<std::pair<std::string, Code>, uint64_t> calls_;
  // Strangers must not fill the disk with log entries.
  TimeUs refusals_since_us_ = 0;
  uint32_t refusals_ = 0;
};

}  // namespace tinyrig::server
