#include "server/model/board_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/model/names.h"

namespace tinyrig::server {
namespace {

constexpr std::string_view kCorePrefix = "cortex-";

Operand Core(const v1::BoardType& type) {
  const std::string_view core = type.core();
  return Operand::Word(type.core(),
                       std::string(core.starts_with(kCorePrefix) ? core.substr(kCorePrefix.size())
                                                                 : std::string_view()));
}

struct Property {
  std::string_view name;
  Operand (*of)(const v1::BoardType& type);
};
constexpr std::array<Property, 6> kTypeProperties = {{
    {"core", Core},
    {"ram",
     [](const v1::BoardType& t) { return Operand::Number(static_cast<double>(t.ram_bytes())); }},
    {"flash",
     [](const v1::BoardType& t) { return Operand::Number(static_cast<double>(t.flash_bytes())); }},
    {"clock",
     [](const v1::BoardType& t) { return Operand::Number(static_cast<double>(t.clock_hz())); }},
    {"fidelity",
     [](const v1::BoardType& t) { return Operand::Word(std::string(ToText(t.fidelity()))); }},
    {"counter", [](const v1::BoardType& t) { return Operand::Word(t.counter()); }},
}};
constexpr std::array<std::string_view, 9> kProperties = {
    "type", "core", "ram", "flash", "clock", "fidelity", "counter", "board", "agent"};

}  // namespace

std::span<const std::string_view> BoardProperties() { return kProperties; }

Operand BoardOperand(const BoardFacts& facts, std::string_view name) {
  if (name == "type") return Operand::Word(std::string(facts.type_name));
  for (const Property& property : kTypeProperties) {
    if (property.name != name) continue;
    return facts.type == nullptr ? Operand() : property.of(*facts.type);
  }
  if (facts.labels == nullptr) return Operand::Unknown();
  if (name == "board") return Operand::Word(std::string(facts.board));
  if (name == "agent") return Operand::Word(std::string(facts.agent));
  const auto label = facts.labels->find(std::string(name));
  return label == facts.labels->end() ? Operand() : Operand::Word(label->second);
}

Truth EvaluateBoard(const Expression& expression, const BoardFacts& facts) {
  return expression.Evaluate([&facts](std::string_view name) { return BoardOperand(facts, name); });
}

Result<Expression> ParseBoards(std::span<const std::string> entries) {
  // Each alone first: a message should show what its author wrote.
  std::string joined;
  for (const std::string& entry : entries) {
    TRY(Expression::Parse(entry, "type").status());
    joined += fmt::format("{}({})", joined.empty() ? "" : " || ", entry);
  }
  if (entries.size() == 1) joined = entries.front();
  return Expression::Parse(joined, "type");
}

bool NamesSingleBoards(const Expression& expression) {
  const std::set<std::string> names = expression.Names();
  return names.contains("board") || names.contains("agent") || !LabelNames(expression).empty();
}

std::vector<std::string> LabelNames(const Expression& expression) {
  std::vector<std::string> labels;
  for (const std::string& name : expression.Names()) {
    if (std::find(kProperties.begin(), kProperties.end(), name) == kProperties.end()) {
      labels.push_back(name);
    }
  }
  return labels;
}

}  // namespace tinyrig::server
