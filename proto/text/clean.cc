#include "proto/text/clean.h"

#include "proto/text/utf8.h"

namespace tinyrig {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A result has a million samples, and none of them a word. REQUIRES: no message contains itself.
bool HasText(const Descriptor* type) {
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->type() == FieldDescriptor::TYPE_STRING) return true;
    if (field->message_type() != nullptr && HasText(field->message_type())) return true;
  }
  return false;
}

void CleanStrings(Message* message, const FieldDescriptor* field) {
  const Reflection& r = *message->GetReflection();
  std::string scratch;
  if (!field->is_repeated()) {
    const std::string& text = r.GetStringReference(*message, field, &scratch);
    if (!IsUtf8(text)) r.SetString(message, field, ToUtf8(text));
    return;
  }
  for (int i = 0; i < r.FieldSize(*message, field); ++i) {
    const std::string& text = r.GetRepeatedStringReference(*message, field, i, &scratch);
    if (!IsUtf8(text)) r.SetRepeatedString(message, field, i, ToUtf8(text));
  }
}

}  // namespace

void CleanText(Message* message) {
  const Reflection& r = *message->GetReflection();
  std::vector<const FieldDescriptor*> present;
  r.ListFields(*message, &present);
  for (const FieldDescriptor* field : present) {
    if (field->type() == FieldDescriptor::TYPE_STRING) CleanStrings(message, field);
    if (field->message_type() == nullptr || !HasText(field->message_type())) continue;
    if (!field->is_repeated()) CleanText(r.MutableMessage(message, field));
    for (int i = 0; field->is_repeated() && i < r.FieldSize(*message, field); ++i) {
      CleanText(r.MutableRepeatedMessage(message, field, i));
    }
  }
}

}  // namespace tinyrig
