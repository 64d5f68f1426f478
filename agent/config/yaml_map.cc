#include "agent/config/yaml_map.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "proto/yaml/one_document.h"

namespace tinyrig::agent {
namespace {

int LineOf(const YAML::Mark& mark, int fallback) {
  return mark.is_null() ? fallback : mark.line + 1;
}

// An empty value has the place of what comes after it: its key is nearer.
int LineOf(const YAML::Node& node, int key_line) {
  return node.IsNull() ? key_line : LineOf(node.Mark(), key_line);
}

/// A value for a message: one line of printable text.
std::string Quoted(std::string text) {
  constexpr size_t kMax = 60;
  if (text.size() > kMax) text = text.substr(0, kMax) + "...";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return "'" + text + "'";
}

}  // namespace

Status YamlMap::Error(int line, std::string_view message) const {
  return {Code::kInvalidArgument, fmt::format("{}:{}: {}", file_, line, message)};
}

Status YamlMap::ErrorAt(std::string_view key, std::string_view message) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return Error(line_, message);
  return Error(LineOf(found->second.node, found->second.line), message);
}

Result<YamlMap> YamlMap::Parse(std::string_view text, std::string_view file, const Keys& keys) {
  TRY_ASSIGN(const YAML::Node root, LoadOneYamlDocument(text, file));
  return Open(root, std::string(file), "the bench file", 1, keys);
}

Result<YamlMap> YamlMap::Open(const YAML::Node& node, std::string file, std::string name, int line,
                              const Keys& keys) {
  TRY_ASSIGN(YamlMap map, Open(node, std::move(file), std::move(name), line));
  TRY(map.Check(keys));
  return map;
}

Result<YamlMap> YamlMap::Open(const YAML::Node& node, std::string file, std::string name,
                              int line) {
  YamlMap map(std::move(file), std::move(name));
  map.line_ = LineOf(node, line);
  if (!node.IsMap()) {
    return map.Error(
        map.line_, fmt::format("{} must be a mapping; write 'key: value' lines there", map.name_));
  }
  for (const auto& entry : node) {
    const int key_line = LineOf(entry.first.Mark(), map.line_);
    if (!entry.first.IsScalar()) {
      return map.Error(key_line,
                       fmt::format("a key in {} is no plain text; write 'key: value'", map.name_));
    }
    const std::string key = entry.first.Scalar();
    const auto [first, added] = map.values_.try_emplace(key, Value{entry.second, key_line});
    if (!added) {
      return map.Error(key_line, fmt::format("{} is there twice in {}, first in line {}; keep one",
                                             Quoted(key), map.name_, first->second.line));
    }
  }
  return map;
}

Status YamlMap::Check(const Keys& keys) const {
  std::vector<std::string_view> known = keys.required;
  known.insert(known.end(), keys.optional.begin(), keys.optional.end());
  const Value* unknown = nullptr;
  std::string_view unknown_key;
  for (const auto& [key, value] : values_) {
    if (std::ranges::find(known, key) != known.end()) continue;
    if (unknown != nullptr && unknown->line <= value.line) continue;
    unknown = &value;
    unknown_key = key;
  }
  if (unknown != nullptr) {
    return Error(unknown->line,
                 fmt::format("unknown key {} in {}; there are: {}",
                             Quoted(std::string(unknown_key)), name_, fmt::join(known, ", ")));
  }
  for (std::string_view key : keys.required) {
    if (!Has(key)) return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  }
  return {};
}

Result<std::string> YamlMap::Text(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  const YAML::Node& node = found->second.node;
  if (!node.IsScalar() || node.Scalar().empty()) {
    return ErrorAt(
        key, fmt::format("'{}' of {} must be a single value; write '{}: VALUE'", key, name_, key));
  }
  if (node.Scalar().find('\0') != std::string::npos) {
    return ErrorAt(key, fmt::format("'{}' of {} holds a zero byte; remove it", key, name_));
  }
  return node.Scalar();
}

Result<uint32_t> YamlMap::Number(std::string_view key, uint32_t min, uint32_t max) const {
  TRY_ASSIGN(const std::string text, Text(key));
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  uint32_t value = 0;
  const auto [rest, error] = std::from_chars(begin, end, value, hex ? 16 : 10);
  if (error != std::errc() || rest != end || value < min || value > max) {
    return ErrorAt(key, fmt::format("'{}' of {} is {}; write a whole number from {} to {} (0x... "
                                    "for hexadecimal)",
                                    key, name_, Quoted(text), min, max));
  }
  return value;
}

Result<YamlMap> YamlMap::Map(std::string_view key, const Keys& keys) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  return Open(found->second.node, file_, fmt::format("{}.{}", name_, key), found->second.line,
              keys);
}

Result<YamlMap> YamlMap::AnyMap(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  return Open(found->second.node, file_, fmt::format("{}.{}", name_, key), found->second.line);
}

Result<std::vector<YamlMap>> YamlMap::Maps(std::string_view key, const Keys& keys) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  const YAML::Node& node = found->second.node;
  if (!node.IsSequence()) {
    return ErrorAt(key, fmt::format("'{}' must be a list; begin each entry with '- '", key));
  }
  std::vector<YamlMap> maps;
  for (const auto& element : node) {
    TRY_ASSIGN(YamlMap map, Open(element, file_, fmt::format("{}[{}]", key, maps.size()),
                                 found->second.line, keys));
    maps.push_back(std::move(map));
  }
  return maps;
}

Result<std::vector<std::string>> YamlMap::List(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    return Error(line_, fmt::format("{} has no '{}'; add it", name_, key));
  const YAML::Node& node = found->second.node;
  std::vector<std::string> texts;
  if (node.IsSequence()) {
    for (const auto& element : node) {
      if (!element.IsScalar() || element.Scalar().find('\0') != std::string::npos) {
        texts.clear();
        break;
      }
      texts.push_back(element.Scalar());
    }
  }
  if (texts.empty() || texts[0].empty()) {
    return ErrorAt(key, fmt::format("'{}' of {} must be a list of texts; write '{}: [PROGRAM, "
                                    "ARGUMENT]'",
                                    key, name_, key));
  }
  return texts;
}

Result<std::map<std::string, std::string>> YamlMap::Texts(std::string_view key) const {
  std::map<std::string, std::string> texts;
  const auto found = values_.find(key);
  if (found == values_.end()) return texts;
  TRY_ASSIGN(const YamlMap map,
             Open(found->second.node, file_, fmt::format("{}.{}", name_, key), found->second.line));
  for (const auto& [name, value] : map.values_) {
    TRY_ASSIGN(texts[name], map.Text(name));
  }
  return texts;
}

}  // namespace tinyrig::agent
