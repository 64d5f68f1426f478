#include "server/service/audit.h"

#include <google/protobuf/util/json_util.h>

#include <memory>

#include "proto/text/utf8.h"

namespace tinyrig::server {
namespace {

// A large campaign is cut before it becomes text: a log line is no reason to use memory.
constexpr size_t kMaxMessageBytes = 64 << 10;

void DropBytes(google::protobuf::Message* message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_BYTES) {
      reflection.ClearField(message, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated()) {
      DropBytes(reflection.MutableMessage(message, field));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
        DropBytes(reflection.MutableRepeatedMessage(message, field, i));
      }
    }
  }
}

}  // namespace

std::string RequestForAudit(const google::protobuf::Message& request, size_t max_bytes) {
  if (request.ByteSizeLong() > kMaxMessageBytes) {
    return "{\"request_bytes\":" + std::to_string(request.ByteSizeLong()) + "}";
  }
  const std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  DropBytes(copy.get());
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*copy, &json, options).ok()) return "{}";
  json = ToUtf8(json);
  if (json.size() > max_bytes) json = ToUtf8(json.substr(0, max_bytes)) + "...";
  return json;
}

}  // namespace tinyrig::server
