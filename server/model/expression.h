#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "proto/status/status.h"

/// What people write to choose boards, results and limits:
///
///   core == m4 && ram >= 192KiB && (rack == 3 || rack == 4)
///   model == kws && !(weights == int16)
///   flash_model_bytes <= 256kB
///
/// Comparisons (== != < <= > >=) of a name with a word, a "quoted text" or a number, joined by &&,
/// || and !, with parentheses. Numbers may have a unit: k, M, G, kB, MB, GB, KiB, MiB, GiB, kHz,
/// MHz. Pure.
namespace tinyrig::server {

enum class Truth : uint8_t { kFalse, kMaybe, kTrue };

/// What a name stands for.
struct Operand {
  enum class Kind : uint8_t {
    kAbsent,   ///< Equal to nothing; every order is false.
    kUnknown,  ///< It has a value that is not known yet: comparisons are kMaybe.
    kWord,
    kNumber,  ///< Somewhere in [lo, hi]: comparisons that depend on where are kMaybe.
  };
  Kind kind = Kind::kAbsent;
  std::string word;
  std::string alias;  ///< A second spelling of the word; empty: none.
  double lo = 0;
  double hi = 0;

  static Operand Unknown() { return {Kind::kUnknown, {}, {}, 0, 0}; }
  /// A word that reads as a number is compared as one where a number is asked for.
  static Operand Word(std::string word, std::string alias = {}) {
    return {Kind::kWord, std::move(word), std::move(alias), 0, 0};
  }
  static Operand Number(double value) { return {Kind::kNumber, {}, {}, value, value}; }
  static Operand Between(double lo, double hi) { return {Kind::kNumber, {}, {}, lo, hi}; }
};

class Expression {
 public:
  static constexpr size_t kMaxBytes = 4096;
  static constexpr int kMaxDepth = 64;
  using Lookup = std::function<Operand(std::string_view name)>;

  /// `bare_word`: the name that a word alone is compared with ("virtual_m4" is then short for
  /// "type == virtual_m4"); empty: a word alone is an error. Errors: kInvalidArgument with the
  /// place, what was found and what was expected.
  static Result<Expression> Parse(std::string_view text, std::string_view bare_word = {});

  Truth Evaluate(const Lookup& lookup) const;
  /// Names that are compared.
  std::set<std::string> Names() const;
  const std::string& text() const { return text_; }

  struct Node;

 private:
  Expression(std::string text, std::shared_ptr<const Node> root)
      : text_(std::move(text)), root_(std::move(root)) {}

  std::string text_;
  std::shared_ptr<const Node> root_;
};

/// "192KiB" -> 196608; nothing when it is no number with a unit of the list above.
std::optional<double> ParseQuantity(std::string_view text);

}  // namespace tinyrig::server
