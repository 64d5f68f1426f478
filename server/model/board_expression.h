#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/expression.h"

/// Expressions over boards: their type's properties, their own names, their labels. Pure.
namespace tinyrig::server {

using Labels = std::map<std::string, std::string>;

/// One board, or (without labels) any board of a type.
struct BoardFacts {
  const v1::BoardType* type = nullptr;  ///< nullptr: only its name is known.
  std::string_view type_name;
  std::string_view board;
  std::string_view agent;
  const Labels* labels = nullptr;  ///< nullptr: board, agent and labels are unknown.
};

/// "type", "core" ("cortex-m4" or "m4"), "ram", "flash" (bytes), "clock" (Hz), "fidelity",
/// "counter", "board", "agent"; every other name is a label.
std::span<const std::string_view> BoardProperties();

Operand BoardOperand(const BoardFacts& facts, std::string_view name);
Truth EvaluateBoard(const Expression& expression, const BoardFacts& facts);

/// The entries joined by "or"; a word alone is the name of a type. No entry: nothing matches.
/// Errors: those of Expression::Parse().
Result<Expression> ParseBoards(std::span<const std::string> entries);

/// Whether boards of one type may differ in what they are to the expression.
bool NamesSingleBoards(const Expression& expression);

/// Names in the expression that are no property: labels that some board should have.
std::vector<std::string> LabelNames(const Expression& expression);

}  // namespace tinyrig::server
