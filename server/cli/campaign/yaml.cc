#include "server/cli/campaign/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proto/yaml/one_document.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/suggest.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

std::string_view KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "empty";
  return "a single value";
}

/// A value quoted for a message: one line, not too long.
std::string Quoted(const std::string& text) {
  return fmt::format("'{}'", Shorten(Printable(text), 60));
}

}  // namespace

Status ErrorAt(const YamlNode& node, std::string_view message) {
  const YAML::Mark mark = node.node.Mark();
  // Values that are not in the file have no mark.
  const int line = mark.is_null() ? 1 : mark.line + 1;
  return {Code::kInvalidArgument, fmt::format("{}:{}: {}", node.file, line, message)};
}

Result<YamlNode> ParseYaml(const std::string& text, const std::string& file) {
  TRY_ASSIGN(YAML::Node root, LoadOneYamlDocument(text, file));
  if (root.IsNull()) return Status(Code::kInvalidArgument, file + ":1: the file is empty");
  return YamlNode{std::move(root), file};
}

Result<std::vector<std::pair<std::string, YamlNode>>> ReadPairs(const YamlNode& node,
                                                                std::string_view what) {
  if (!node.node.IsMap()) {
    return ErrorAt(
        node, fmt::format("{} must be a mapping (key: value), but is {}", what, KindOf(node.node)));
  }
  std::vector<std::pair<std::string, YamlNode>> pairs;
  for (const auto& entry : node.node) {
    const YamlNode key{entry.first, node.file};
    TRY_ASSIGN(std::string name, ReadString(key, "a key"));
    const auto same = std::ranges::find(pairs, name, [](const auto& pair) { return pair.first; });
    if (same != pairs.end()) {
      return ErrorAt(key, fmt::format("key {} is given twice in {} (also in line {}); keep one",
                                      Quoted(name), what, same->second.node.Mark().line + 1));
    }
    // An empty value has no mark of its own: report the place of its key.
    if (entry.second.IsNull()) {
      return ErrorAt(key, fmt::format("key {} in {} has no value; give one or remove the key",
                                      Quoted(name), what));
    }
    pairs.emplace_back(std::move(name), YamlNode{entry.second, node.file});
  }
  return pairs;
}

Status ReadMapping(const YamlNode& node, std::string_view what, std::span<const YamlField> fields) {
  TRY_ASSIGN(const auto pairs, ReadPairs(node, what));
  std::vector<std::string_view> known;
  for (const YamlField& field : fields) known.push_back(field.key);
  size_t index = 0;
  for (const auto& entry : node.node) {
    const auto& [key, value] = pairs[index++];
    const auto field = std::ranges::find(fields, key, &YamlField::key);
    if (field == fields.end()) {
      return ErrorAt(
          YamlNode{entry.first, node.file},
          fmt::format("unknown key {} in {}{}", Quoted(key), what, SuggestFrom(key, known)));
    }
    TRY(field->read(value));
  }
  return OkStatus();
}

Result<std::string> ReadString(const YamlNode& node, std::string_view what) {
  if (!node.node.IsScalar()) {
    return ErrorAt(node,
                   fmt::format("{} must be a single value, but is {}", what, KindOf(node.node)));
  }
  return node.node.Scalar();
}

Result<bool> ReadBool(const YamlNode& node, std::string_view what) {
  TRY_ASSIGN(const std::string text, ReadString(node, what));
  if (text == "true") return true;
  if (text == "false") return false;
  return ErrorAt(node, fmt::format("{} must be true or false, but is {}", what, Quoted(text)));
}

Result<int64_t> ReadInteger(const YamlNode& node, std::string_view what, int64_t min, int64_t max) {
  TRY_ASSIGN(const std::string text, ReadString(node, what));
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  // A quoted number carries the tag "!": it is text.
  if (error != std::errc() || rest != end || value < min || value > max || node.node.Tag() == "!") {
    return ErrorAt(node, fmt::format("{} must be a whole number from {} to {}, but is {}", what,
                                     min, max, Quoted(text)));
  }
  return value;
}

Result<uint64_t> ReadBytes(const YamlNode& node, std::string_view what) {
  TRY_ASSIGN(const std::string text, ReadString(node, what));
  auto bytes = ParseBytes(text);
  if (!bytes.ok()) return ErrorAt(node, fmt::format("{}: {}", what, bytes.status().message()));
  return bytes;
}

Result<std::vector<YamlNode>> ReadList(const YamlNode& node, std::string_view what) {
  if (!node.node.IsSequence()) {
    const std::string hint =
        node.node.IsScalar()
            ? fmt::format("; write [{}]", Shorten(Printable(node.node.Scalar()), 60))
            : "";
    return ErrorAt(node,
                   fmt::format("{} must be a list, but is {}{}", what, KindOf(node.node), hint));
  }
  std::vector<YamlNode> elements;
  for (const auto& element : node.node) elements.push_back({element, node.file});
  if (elements.empty()) {
    return ErrorAt(node,
                   fmt::format("{} is an empty list; name at least one or remove the key", what));
  }
  return elements;
}

Result<std::vector<std::string>> ReadStringList(const YamlNode& node, std::string_view what) {
  TRY_ASSIGN(const std::vector<YamlNode> elements, ReadList(node, what));
  std::vector<std::string> strings;
  for (const YamlNode& element : elements) {
    TRY_ASSIGN(std::string text, ReadString(element, fmt::format("an element of {}", what)));
    strings.push_back(std::move(text));
  }
  return strings;
}

}  // namespace tinyrig::cli
