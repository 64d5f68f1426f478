#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"

namespace tinyrig::server {

/// What the options of a method in proto/tinyrig/v1 say.
struct MethodRule {
  std::string name;  ///< "CampaignService/CancelCampaign"
  v1::Role role = v1::ROLE_UNSPECIFIED;
  bool agents = false;  ///< A bench may call it too.
  bool change = false;  ///< It may change something: goes into the audit log.

  bool Admits(v1::Role caller) const {
    if (caller == v1::ROLE_AGENT || role == v1::ROLE_AGENT) {
      return caller == role || (caller == v1::ROLE_AGENT && agents);
    }
    return caller >= role;
  }
};

/// The rules of all methods by the type of their request, of which each method has its own: whoever
/// handles a request has its rule.
class MethodRules {
 public:
  /// Errors: kInternal for a method without a role, or when two methods take the same request.
  static Result<MethodRules> Of(const std::vector<std::string>& service_names);

  /// Null for a message that no method takes.
  const MethodRule* Find(const google::protobuf::Descriptor* request) const {
    const auto found = rules_.find(request);
    return found == rules_.end() ? nullptr : &found->second;
  }

 private:
  std::map<const google::protobuf::Descriptor*, MethodRule> rules_;
};

}  // namespace tinyrig::server
