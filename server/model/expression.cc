#include "server/model/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace tinyrig::server {

struct Expression::Node {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kCompare };
  Kind kind = Kind::kCompare;
  std::vector<std::shared_ptr<const Node>> children;
  // kCompare only.
  std::string name;
  std::string op;
  std::string literal;
  std::optional<double> number;  // Of the literal, unless it was quoted.
};

namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array<Unit, 11> kUnits = {{{"k", 1e3},
                                          {"M", 1e6},
                                          {"G", 1e9},
                                          {"kB", 1e3},
                                          {"MB", 1e6},
                                          {"GB", 1e9},
                                          {"KiB", 1024.0},
                                          {"MiB", 1024.0 * 1024},
                                          {"GiB", 1024.0 * 1024 * 1024},
                                          {"kHz", 1e3},
                                          {"MHz", 1e6}}};

// Longer operators first.
constexpr std::array<std::string_view, 11> kSymbols = {
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")"};
constexpr std::array<std::string_view, 6> kComparisons = {"==", "!=", "<=", ">=", "<", ">"};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/' || c == '+' || c == ':' || c == '%';
}

struct Token {
  enum class Kind : uint8_t { kWord, kQuoted, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  size_t at = 0;
};

class Parser {
 public:
  Parser(std::string_view text, std::string_view bare_word) : text_(text), bare_word_(bare_word) {}

  Result<NodePtr> Run() {
    TRY(Advance());
    TRY_ASSIGN(NodePtr root, Or(0));
    if (token_.kind != Token::Kind::kEnd) return Expected("&& or || or the end");
    return root;
  }

 private:
  Status Error(const std::string& what) const {
    return {Code::kInvalidArgument,
            fmt::format("expression '{}': {} at column {}", text_, what, token_.at + 1)};
  }
  Status Expected(const std::string& what) const {
    return Error(
        fmt::format("expected {}, found {}", what,
                    token_.kind == Token::Kind::kEnd ? "the end" : "'" + token_.text + "'"));
  }

  Status Advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    token_ = {Token::Kind::kEnd, "", at_};
    if (at_ == text_.size()) return {};
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      const size_t end = text_.find(c, at_ + 1);
      if (end == std::string_view::npos) return Error("a quote that is not closed");
      token_ = {Token::Kind::kQuoted, std::string(text_.substr(at_ + 1, end - at_ - 1)), at_};
      at_ = end + 1;
      return {};
    }
    for (const std::string_view symbol : kSymbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      token_ = {Token::Kind::kSymbol, std::string(symbol), at_};
      at_ += symbol.size();
      return {};
    }
    size_t end = at_;
    while (end < text_.size() && IsWordByte(text_[end])) ++end;
    if (end == at_) {
      return Error(c == '=' ? "a single '='; equality is '=='"
                            : fmt::format("a character that has no meaning here (byte {:#04x})",
                                          static_cast<unsigned char>(c)));
    }
    token_ = {Token::Kind::kWord, std::string(text_.substr(at_, end - at_)), at_};
    at_ = end;
    return {};
  }

  bool IsSymbol(std::string_view symbol) const {
    return token_.kind == Token::Kind::kSymbol && token_.text == symbol;
  }

  using Rule = Result<NodePtr> (Parser::*)(int depth);
  Result<NodePtr> Joined(int depth, std::string_view symbol, Node::Kind kind, Rule part) {
    if (depth > Expression::kMaxDepth) return Error("nested too deeply");
    Node node;
    node.kind = kind;
    for (;;) {
      TRY_ASSIGN(NodePtr child, (this->*part)(depth));
      node.children.push_back(std::move(child));
      if (!IsSymbol(symbol)) break;
      TRY(Advance());
    }
    if (node.children.size() == 1) return node.children.front();
    return std::make_shared<const Node>(std::move(node));
  }
  Result<NodePtr> Or(int depth) { return Joined(depth, "||", Node::Kind::kOr, &Parser::And); }
  Result<NodePtr> And(int depth) { return Joined(depth, "&&", Node::Kind::kAnd, &Parser::Unary); }

  Result<NodePtr> Unary(int depth) {
    if (depth > Expression::kMaxDepth) return Error("nested too deeply");
    if (IsSymbol("!")) {
      TRY(Advance());
      Node node;
      node.kind = Node::Kind::kNot;
      TRY_ASSIGN(NodePtr child, Unary(depth + 1));
      node.children.push_back(std::move(child));
      return std::make_shared<const Node>(std::move(node));
    }
    if (IsSymbol("(")) {
      TRY(Advance());
      TRY_ASSIGN(NodePtr inner, Or(depth + 1));
      if (!IsSymbol(")")) return Expected("')'");
      TRY(Advance());
      return inner;
    }
    return Comparison();
  }

  Result<NodePtr> Comparison() {
    if (token_.kind != Token::Kind::kWord) return Expected("a name");
    Node node;
    node.name = token_.text;
    const Token name = token_;
    TRY(Advance());
    const bool compared =
        token_.kind == Token::Kind::kSymbol &&
        std::find(kComparisons.begin(), kComparisons.end(), token_.text) != kComparisons.end();
    if (!compared) {
      if (bare_word_.empty()) return Expected("one of == != < <= > >=");
      node.name = bare_word_;
      node.op = "==";
      node.literal = name.text;
      return std::make_shared<const Node>(std::move(node));
    }
    node.op = token_.text;
    TRY(Advance());
    if (token_.kind != Token::Kind::kWord && token_.kind != Token::Kind::kQuoted) {
      return Expected("a word, a quoted text or a number");
    }
    node.literal = token_.text;
    if (token_.kind == Token::Kind::kWord) node.number = ParseQuantity(token_.text);
    if (node.op != "==" && node.op != "!=" && !node.number) {
      return Error(fmt::format("'{}' compares numbers, and '{}' is none", node.op, node.literal));
    }
    TRY(Advance());
    return std::make_shared<const Node>(std::move(node));
  }

  std::string_view text_;
  std::string_view bare_word_;
  size_t at_ = 0;
  Token token_;
};

Truth Not(Truth truth) {
  return truth == Truth::kMaybe ? truth : truth == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
}
Truth FromBool(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

// Whether every, some or no value of [lo, hi] is below (or at) `limit`.
Truth Below(double lo, double hi, double limit, bool or_equal) {
  const auto below = [&](double value) { return value < limit || (or_equal && value == limit); };
  if (below(hi)) return Truth::kTrue;
  return below(lo) ? Truth::kMaybe : Truth::kFalse;
}

Truth CompareNumbers(double lo, double hi, std::string_view op, double number) {
  if (op == "<") return Below(lo, hi, number, false);
  if (op == "<=") return Below(lo, hi, number, true);
  if (op == ">") return Not(Below(lo, hi, number, true));
  if (op == ">=") return Not(Below(lo, hi, number, false));
  const Truth equal = lo == number && hi == number   ? Truth::kTrue
                      : lo <= number && number <= hi ? Truth::kMaybe
                                                     : Truth::kFalse;
  return op == "==" ? equal : Not(equal);
}

Truth Compare(const Node& node, const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::kUnknown:
      return Truth::kMaybe;
    case Operand::Kind::kAbsent:
      return FromBool(node.op == "!=");
    case Operand::Kind::kNumber:
      if (node.number) return CompareNumbers(operand.lo, operand.hi, node.op, *node.number);
      return FromBool(node.op == "!=");
    case Operand::Kind::kWord:
      break;
  }
  if (node.number) {
    const std::optional<double> value = ParseQuantity(operand.word);
    if (value) return CompareNumbers(*value, *value, node.op, *node.number);
  }
  if (node.op != "==" && node.op != "!=") return Truth::kFalse;
  const bool equal =
      operand.word == node.literal || (!operand.alias.empty() && operand.alias == node.literal);
  return FromBool(equal == (node.op == "=="));
}

Truth EvaluateNode(const Node& node, const Expression::Lookup& lookup) {
  switch (node.kind) {
    case Node::Kind::kCompare:
      return Compare(node, lookup(node.name));
    case Node::Kind::kNot:
      return Not(EvaluateNode(*node.children.front(), lookup));
    case Node::Kind::kAnd:
    case Node::Kind::kOr:
      break;
  }
  // Kleene's logic: false < maybe < true; "and" is the least, "or" the greatest.
  const bool all = node.kind == Node::Kind::kAnd;
  Truth truth = all ? Truth::kTrue : Truth::kFalse;
  for (const NodePtr& child : node.children) {
    const Truth one = EvaluateNode(*child, lookup);
    truth = all ? std::min(truth, one) : std::max(truth, one);
  }
  return truth;
}

void CollectNames(const Node& node, std::set<std::string>& names) {
  if (node.kind == Node::Kind::kCompare) names.insert(node.name);
  for (const NodePtr& child : node.children) CollectNames(*child, names);
}

}  // namespace

std::optional<double> ParseQuantity(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.empty()) return value;
  for (const Unit& known : kUnits) {
    if (unit == known.name) return value * known.factor;
  }
  return std::nullopt;
}

Result<Expression> Expression::Parse(std::string_view text, std::string_view bare_word) {
  if (text.size() > kMaxBytes) {
    return Status(Code::kInvalidArgument,
                  fmt::format("an expression of {} bytes; at most {}", text.size(), kMaxBytes));
  }
  TRY_ASSIGN(NodePtr root, Parser(text, bare_word).Run());
  return Expression(std::string(text), std::move(root));
}

Truth Expression::Evaluate(const Lookup& lookup) const { return EvaluateNode(*root_, lookup); }

std::set<std::string> Expression::Names() const {
  std::set<std::string> names;
  CollectNames(*root_, names);
  return names;
}

}  // namespace tinyrig::server
