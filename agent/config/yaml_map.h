#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::agent {

/// A mapping of a file that a person wrote, read strictly. Every error is kInvalidArgument and
/// reads "FILE:LINE: what; what to try".
class YamlMap {
 public:
  struct Keys {
    std::vector<std::string_view> required;
    std::vector<std::string_view> optional;
  };

  /// Parses `text`, which must be one document with a mapping.
  static Result<YamlMap> Parse(std::string_view text, std::string_view file, const Keys& keys);

  bool Has(std::string_view key) const { return values_.contains(key); }

  /// The value of a key that is there. Errors: another kind of value, an empty one.
  Result<std::string> Text(std::string_view key) const;
  /// Decimal or 0x hexadecimal, from `min` to `max`.
  Result<uint32_t> Number(std::string_view key, uint32_t min, uint32_t max) const;
  Result<YamlMap> Map(std::string_view key, const Keys& keys) const;
  /// A mapping whose keys decide what it is; Check() them then.
  Result<YamlMap> AnyMap(std::string_view key) const;
  Status Check(const Keys& keys) const;
  /// A list of mappings; an empty list is allowed.
  Result<std::vector<YamlMap>> Maps(std::string_view key, const Keys& keys) const;
  /// A list of text values, at least one.
  Result<std::vector<std::string>> List(std::string_view key) const;
  /// A mapping with keys of any name and text values. Absent: empty.
  Result<std::map<std::string, std::string>> Texts(std::string_view key) const;

  /// An error at the line of a key's value.
  Status ErrorAt(std::string_view key, std::string_view message) const;

 private:
  YamlMap(std::string file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  static Result<YamlMap> Open(const YAML::Node& node, std::string file, std::string name, int line);
  static Result<YamlMap> Open(const YAML::Node& node, std::string file, std::string name, int line,
                              const Keys& keys);
  Status Error(int line, std::string_view message) const;

  struct Value {
    YAML::Node node;
    int line = 1;  ///< Of the key: an empty value has no place of its own.
  };
  std::string file_;
  std::string name_;  ///< For messages: "the bench file", "boards[1].probe".
  int line_ = 1;
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace tinyrig::agent
