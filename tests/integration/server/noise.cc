#include "tests/integration/server/noise.h"

#include <vector>

namespace tinyrig::server {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Noise::Bytes(size_t most) {
  std::string bytes(Below(static_cast<uint32_t>(most) + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(Below(256));
  return bytes;
}

std::string Noise::Text() {
  static const std::vector<std::string> kTexts = {"",
                                                  "0",
                                                  "x",
                                                  "../../etc/passwd",
                                                  "%00",
                                                  std::string(70'000, 'a'),
                                                  "\xff\xfe",
                                                  "SELECT 1",
                                                  std::string(64, 'a'),
                                                  "virtual_m4",
                                                  "a\nb",
                                                  "'; DROP TABLE job; --",
                                                  "core==m4 && ((((("};
  return Below(3) == 0 ? Bytes(40) : kTexts[Below(static_cast<uint32_t>(kTexts.size()))];
}

uint64_t Noise::Number() {
  static const uint64_t kNumbers[] = {0, 1, 2, 1000, UINT32_MAX, INT64_MAX, UINT64_MAX, 1ull << 53};
  return kNumbers[Below(std::size(kNumbers))];
}

void Noise::Fill(Message* message, int depth) {
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->field(i);
    if (Below(3) == 0) continue;
    for (uint32_t n = field->is_repeated() ? Below(4) : 1; n > 0; --n) {
      FillField(message, field, depth);
    }
  }
}

void Noise::FillField(Message* message, const FieldDescriptor* field, int depth) {
  const google::protobuf::Reflection& r = *message->GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth < 6) {
        Fill(many ? r.AddMessage(message, field) : r.MutableMessage(message, field), depth + 1);
      }
      return;
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = Text();
      many ? r.AddString(message, field, text) : r.SetString(message, field, text);
      return;
    }
    case FieldDescriptor::CPPTYPE_UINT64:
      many ? r.AddUInt64(message, field, Number()) : r.SetUInt64(message, field, Number());
      return;
    case FieldDescriptor::CPPTYPE_INT64: {
      const auto value = static_cast<int64_t>(Number());
      many ? r.AddInt64(message, field, value) : r.SetInt64(message, field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto value = static_cast<uint32_t>(Number());
      many ? r.AddUInt32(message, field, value) : r.SetUInt32(message, field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int value = static_cast<int>(Below(9)) - 1;
      many ? r.AddEnumValue(message, field, value) : r.SetEnumValue(message, field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!many) r.SetBool(message, field, Below(2) == 0);
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (!many) r.SetDouble(message, field, static_cast<double>(Number()) * -1e300);
      return;
    default:
      return;
  }
}

void Noise::Tamper(Message* message) {
  const google::protobuf::Reflection& r = *message->GetReflection();
  std::vector<const FieldDescriptor*> present;
  r.ListFields(*message, &present);
  const auto fields = static_cast<uint32_t>(message->GetDescriptor()->field_count());
  if (fields == 0) return;
  const FieldDescriptor* field =
      present.empty() || Below(4) == 0
          ? message->GetDescriptor()->field(static_cast<int>(Below(fields)))
          : present[Below(static_cast<uint32_t>(present.size()))];
  const int size = field->is_repeated() ? r.FieldSize(*message, field) : 0;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && Below(4) != 0) {
    if (size > 0)
      return Tamper(r.MutableRepeatedMessage(message, field,
                                             static_cast<int>(Below(static_cast<uint32_t>(size)))));
    if (!field->is_repeated() && r.HasField(*message, field)) {
      return Tamper(r.MutableMessage(message, field));
    }
  }
  switch (Below(3)) {
    case 0:
      return r.ClearField(message, field);
    case 1:
      if (size > 1) return r.SwapElements(message, field, 0, size - 1);
      [[fallthrough]];
    default:
      FillField(message, field, 0);
  }
}

std::string Noise::Mutated(std::string bytes) {
  for (uint32_t n = Below(4); n > 0 && !bytes.empty(); --n) {
    const size_t at = Below(static_cast<uint32_t>(bytes.size()));
    switch (Below(4)) {
      case 0:
        bytes[at] = static_cast<char>(Below(256));
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.insert(at, Bytes(8));
        break;
      default:
        bytes += bytes.substr(at, 100);
    }
  }
  return bytes;
}

}  // namespace tinyrig::server
