#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

/// Strict reading of YAML made by people. Every error is kInvalidArgument and starts with
/// "FILE:LINE: ".
namespace tinyrig::cli {

/// A node with the name of the file it came from.
struct YamlNode {
  YAML::Node node;
  std::string file;
};

/// Parses one document. Errors: syntax, an empty file, more than one document.
Result<YamlNode> ParseYaml(const std::string& text, const std::string& file);

/// The error "FILE:LINE: message" for this node.
Status ErrorAt(const YamlNode& node, std::string_view message);

/// A key that a mapping may have, and what to do with its value.
struct YamlField {
  std::string_view key;
  std::function<Status(const YamlNode&)> read;
};

/// Calls the reader of every key present, in the file's order.
/// Errors: not a mapping, an unknown key (with the nearest known ones), a key given twice, an empty
/// value, and whatever the readers find. `what` names the mapping in messages: "the campaign".
Status ReadMapping(const YamlNode& node, std::string_view what, std::span<const YamlField> fields);

/// Single values. Errors: a list or mapping in their place, or another type than asked for.
Result<std::string> ReadString(const YamlNode& node, std::string_view what);
Result<bool> ReadBool(const YamlNode& node, std::string_view what);
Result<int64_t> ReadInteger(const YamlNode& node, std::string_view what, int64_t min, int64_t max);
/// A size: a number of bytes or text like 32kB, 64KiB.
Result<uint64_t> ReadBytes(const YamlNode& node, std::string_view what);

/// A list of at least one element, each with its own line.
Result<std::vector<YamlNode>> ReadList(const YamlNode& node, std::string_view what);
Result<std::vector<std::string>> ReadStringList(const YamlNode& node, std::string_view what);

/// The pairs of a mapping whose keys are free.
Result<std::vector<std::pair<std::string, YamlNode>>> ReadPairs(const YamlNode& node,
                                                                std::string_view what);

}  // namespace tinyrig::cli
