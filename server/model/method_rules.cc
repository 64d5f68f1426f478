#include "server/model/method_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tinyrig::server {
namespace {

// Methods above a viewer's role that only look.
constexpr std::array<std::string_view, 4> kReads = {"Check", "Get", "List", "Stat"};

}  // namespace

Result<MethodRules> MethodRules::Of(const std::vector<std::string>& service_names) {
  MethodRules rules;
  for (const std::string& service_name : service_names) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service_name);
    if (service == nullptr) return Status(Code::kInternal, "no service " + service_name);
    for (int i = 0; i < service->method_count(); ++i) {
      const google::protobuf::MethodDescriptor& method = *service->method(i);
      MethodRule rule;
      rule.name = fmt::format("{}/{}", service->name(), method.name());
      rule.role = method.options().GetExtension(v1::role);
      rule.agents = method.options().GetExtension(v1::agents);
      const auto names_it = [&](std::string_view verb) { return method.name().starts_with(verb); };
      rule.change = rule.role != v1::ROLE_VIEWER && rule.role != v1::ROLE_AGENT &&
                    std::ranges::none_of(kReads, names_it);
      if (rule.role == v1::ROLE_UNSPECIFIED) {
        return Status(Code::kInternal,
                      fmt::format("{} says nothing of who may call it; give it the option (role)",
                                  rule.name));
      }
      if (!rules.rules_.emplace(method.input_type(), rule).second) {
        return Status(
            Code::kInternal,
            fmt::format("{} takes the request of another method; give it its own", rule.name));
      }
    }
  }
  return rules;
}

}  // namespace tinyrig::server
