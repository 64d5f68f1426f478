#include "server/web/routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <charconv>

#include "proto/text/utf8.h"

namespace tinyrig::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Kind = Route::Kind;

constexpr Route kRoutes[] = {
    {"/api/v1/server", "ServerService/GetServerInfo"},
    {"/api/v1/whoami", "AccessService/WhoAmI"},
    {"/api/v1/campaigns", "CampaignService/ListCampaigns"},
    {"/api/v1/campaigns/{campaign_id}", "CampaignService/GetCampaign"},
    {"/api/v1/campaigns/{campaign_id}/jobs", "JobService/ListJobs"},
    {"/api/v1/campaigns/{campaign_id}/results", "ResultService/ListResults"},
    {"/api/v1/campaigns/{campaign_id}/events", "CampaignService/WatchCampaign", Kind::kEvents,
     "after_event", "event_id"},
    {"/api/v1/jobs", "JobService/ListJobs"},
    {"/api/v1/jobs/{job_id}", "JobService/GetJob"},
    {"/api/v1/jobs/{job_id}/results", "ResultService/ListResults"},
    {"/api/v1/jobs/{job_id}/manifest", "JobService/GetManifest", Kind::kText},
    {"/api/v1/jobs/{job_id}/log", "JobService/StreamLogs", Kind::kLines},
    {"/api/v1/jobs/{job_id}/log/events", "JobService/StreamLogs", Kind::kEvents, "after_line",
     "line", "follow=true"},
    {"/api/v1/results", "ResultService/ListResults"},
    {"/api/v1/front", "ResultService/GetFront"},
    {"/api/v1/compare", "ResultService/CompareJobs"},
    {"/api/v1/query", "ResultService/Query", Kind::kRows},
    {"/api/v1/boards", "BoardService/ListBoards"},
    {"/api/v1/boards/{board_id}", "BoardService/GetBoard"},
    {"/api/v1/board_types", "BoardService/ListBoardTypes"},
    {"/api/v1/windows", "BoardService/ListWindows"},
    {"/api/v1/agents", "BoardService/ListAgents"},
    {"/api/v1/artifacts/{sha256}", "ArtifactService/DownloadArtifact", Kind::kBytes},
    {"/api/v1/tokens", "AccessService/ListTokens"},
    {"/api/v1/audit", "AccessService/ListAudit"},
};

constexpr size_t kMaxParameters = 64;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Status(Code::kInvalidArgument, "the URL has a '%' that two hex digits should follow");
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view TakeSegment(std::string_view* path) {
  const size_t slash = path->find('/');
  const std::string_view segment = path->substr(0, slash);
  path->remove_prefix(slash == std::string_view::npos ? path->size() : slash + 1);
  return segment;
}

const google::protobuf::MethodDescriptor* MethodOf(std::string_view method) {
  std::string name = "tinyrig.v1." + std::string(method);
  std::ranges::replace(name, '/', '.');
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
}

std::unique_ptr<Message> New(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

template <typename Number>
bool Parse(const std::string& text, Number* number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

template <typename Number, typename Set, typename Add>
bool SetNumber(const std::string& value, bool repeated, Set set, Add add) {
  Number number{};
  if (!Parse(value, &number)) return false;
  repeated ? add(number) : set(number);
  return true;
}

bool SetEnum(const FieldDescriptor* field, const std::string& value, Message* message) {
  std::string upper = value;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  for (int i = 0; i < field->enum_type()->value_count(); ++i) {
    const auto* one = field->enum_type()->value(i);
    if (one->name() != upper && !one->name().ends_with("_" + upper)) continue;
    const auto* reflection = message->GetReflection();
    field->is_repeated() ? reflection->AddEnum(message, field, one)
                         : reflection->SetEnum(message, field, one);
    return true;
  }
  return false;
}

// False: the value does not fit the field.
bool SetScalar(const FieldDescriptor* field, const std::string& value, Message* message) {
  const auto* r = message->GetReflection();
  const bool repeated = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (!IsUtf8(value)) return false;
      repeated ? r->AddString(message, field, value) : r->SetString(message, field, value);
      return true;
    case FieldDescriptor::CPPTYPE_BOOL:
      if (repeated || (value != "true" && value != "false")) return false;
      r->SetBool(message, field, value == "true");
      return true;
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(field, value, message);
    case FieldDescriptor::CPPTYPE_UINT64:
      return SetNumber<uint64_t>(
          value, repeated, [&](uint64_t n) { r->SetUInt64(message, field, n); },
          [&](uint64_t n) { r->AddUInt64(message, field, n); });
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetNumber<uint32_t>(
          value, repeated, [&](uint32_t n) { r->SetUInt32(message, field, n); },
          [&](uint32_t n) { r->AddUInt32(message, field, n); });
    case FieldDescriptor::CPPTYPE_INT64:
      return SetNumber<int64_t>(
          value, repeated, [&](int64_t n) { r->SetInt64(message, field, n); },
          [&](int64_t n) { r->AddInt64(message, field, n); });
    default:
      return false;
  }
}

std::string NamesOf(const Message& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      names.push_back(field->name());
      continue;
    }
    for (int j = 0; j < field->message_type()->field_count(); ++j) {
      names.push_back(field->name() + "." + field->message_type()->field(j)->name());
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

Result<Target> ParseTarget(std::string_view target) {
  Target result;
  const size_t question = target.find('?');
  // The path is decoded by segments, when it is matched: %2F is no slash.
  result.path = std::string(target.substr(0, question));
  std::string_view rest =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    TRY_ASSIGN(std::string name, Decode(pair.substr(0, equals), true));
    TRY_ASSIGN(std::string value,
               Decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true));
    result.parameters.emplace_back(std::move(name), std::move(value));
    if (result.parameters.size() > kMaxParameters) {
      return Status(Code::kInvalidArgument,
                    fmt::format("the URL has more than {} parameters", kMaxParameters));
    }
  }
  return result;
}

RouteMatch FindRoute(std::string_view path) {
  for (const Route& route : kRoutes) {
    RouteMatch match{&route, {}};
    std::string_view want = route.pattern, have = path;
    bool fits = std::ranges::count(want, '/') == std::ranges::count(have, '/');
    while (fits && !(want.empty() && have.empty())) {
      const std::string_view expected = TakeSegment(&want);
      const std::string_view found = TakeSegment(&have);
      if (!expected.starts_with('{')) {
        fits = expected == found;
        continue;
      }
      Result<std::string> value = Decode(found, false);
      fits = value.ok() && !value->empty();
      if (fits) match.parameters.emplace_back(expected.substr(1, expected.size() - 2), *value);
    }
    if (fits) return match;
  }
  return {};
}

std::unique_ptr<Message> NewRequest(std::string_view method) {
  return New(MethodOf(method)->input_type());
}

std::unique_ptr<Message> NewResponse(std::string_view method) {
  return New(MethodOf(method)->output_type());
}

Status SetFields(const std::vector<std::pair<std::string, std::string>>& parameters,
                 Message* message) {
  for (const auto& [name, value] : parameters) {
    Message* target = message;
    std::string leaf = name;
    if (const size_t dot = name.find('.'); dot != std::string::npos) {
      const FieldDescriptor* outer = message->GetDescriptor()->FindFieldByName(name.substr(0, dot));
      if (outer != nullptr && outer->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          !outer->is_repeated()) {
        target = message->GetReflection()->MutableMessage(message, outer);
        leaf = name.substr(dot + 1);
      }
    }
    const FieldDescriptor* field = target->GetDescriptor()->FindFieldByName(leaf);
    if (field == nullptr) {
      return {Code::kInvalidArgument, fmt::format("there is no parameter '{}'; there are: {}",
                                                  ToUtf8(name), NamesOf(*message))};
    }
    if (!SetScalar(field, value, target)) {
      return {Code::kInvalidArgument,
              fmt::format("the parameter '{}' cannot be '{}'", name, ToUtf8(value))};
    }
  }
  return {};
}

}  // namespace tinyrig::server
