#include "server/model/expression.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tinyrig::server {
namespace {

Operand Board(std::string_view name) {
  if (name == "type") return Operand::Word("virtual_m4");
  if (name == "core") return Operand::Word("cortex-m4", "m4");
  if (name == "ram") return Operand::Number(196608);
  if (name == "rack") return Operand::Word("3");
  if (name == "room") return Operand::Word("lab two");
  if (name == "count") return Operand::Between(90, 110);
  if (name == "later") return Operand::Unknown();
  return {};
}

Truth Ask(const std::string& text) {
  const auto expression = Expression::Parse(text, "type");
  EXPECT_TRUE(expression.ok()) << expression.status().message();
  return expression.ok() ? expression->Evaluate(Board) : Truth::kMaybe;
}

TEST(ExpressionTest, Compares) {
  const std::map<std::string, Truth> cases = {
      {"virtual_m4", Truth::kTrue},
      {"virtual_m7", Truth::kFalse},
      {"virtual_m7 || virtual_m4", Truth::kTrue},
      {"core == m4", Truth::kTrue},
      {"core == cortex-m4", Truth::kTrue},
      {"core != m4", Truth::kFalse},
      {"ram >= 192KiB", Truth::kTrue},
      {"ram > 192KiB", Truth::kFalse},
      {"ram <= 196.608kB", Truth::kTrue},
      {"ram < 1M && ram > 1k", Truth::kTrue},
      {"rack == 3 && rack < 3.5", Truth::kTrue},
      {"rack == \"3\"", Truth::kTrue},
      {"room == 'lab two'", Truth::kTrue},
      {"room > 1", Truth::kFalse},
      {"absent == 1", Truth::kFalse},
      {"absent != 1", Truth::kTrue},
      {"absent < 1 || absent >= 1", Truth::kFalse},
      {"!(core == m4)", Truth::kFalse},
      {"! core == m7", Truth::kTrue},
      {"core == m7 && core == m4 || rack == 3", Truth::kTrue},
      {"core == m7 && (core == m4 || rack == 3)", Truth::kFalse},
      {"later == 1", Truth::kMaybe},
      {"later == 1 && core == m7", Truth::kFalse},
      {"later == 1 || core == m4", Truth::kTrue},
      {"!(later == 1)", Truth::kMaybe},
      {"count <= 110", Truth::kTrue},
      {"count <= 109", Truth::kMaybe},
      {"count < 90", Truth::kFalse},
      {"count > 89", Truth::kTrue},
      {"count >= 110", Truth::kMaybe},
      {"count == 100", Truth::kMaybe},
      {"count != 111", Truth::kTrue},
      {"!(count > 110)", Truth::kTrue},
  };
  for (const auto& [text, truth] : cases) EXPECT_EQ(Ask(text), truth) << text;
}

TEST(ExpressionTest, SaysWhatIsWrong) {
  const std::map<std::string, std::string> cases = {
      {"", "expected a name, found the end at column 1"},
      {"core = m4", "a single '='; equality is '==' at column 6"},
      {"core == ", "expected a word, a quoted text or a number, found the end"},
      {"core == m4 &&", "expected a name, found the end"},
      {"core == m4 rack == 3", "expected && or || or the end, found 'rack' at column 12"},
      {"(core == m4", "expected ')', found the end"},
      {"core < m4", "'<' compares numbers, and 'm4' is none"},
      {"room == 'lab", "a quote that is not closed"},
      {"ram >= 192KB", "'>=' compares numbers, and '192KB' is none"},
      {"core == m4; drop", "a character that has no meaning here (byte 0x3b)"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = Expression::Parse(text, "type");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
    EXPECT_NE(parsed.status().message().find(message), std::string::npos)
        << parsed.status().message();
  }
  EXPECT_FALSE(Expression::Parse("virtual_m4").ok()) << "a word alone, where none is meant";
}

TEST(ExpressionTest, BoundsDepthAndLength) {
  EXPECT_FALSE(Expression::Parse(std::string(2000, '(') + "a == 1").ok());
  EXPECT_FALSE(Expression::Parse(std::string(2000, '!') + "a == 1").ok());
  EXPECT_FALSE(Expression::Parse(std::string(5000, 'a'), "type").ok());
}

TEST(ExpressionTest, GarbageNeverCrashes) {
  const std::vector<std::string> pieces = {"a", "==", "1",  "&&", "||", "!",    "(",    ")",  "<=",
                                           "'", "\"", "kB", " ",  "=",  "\xff", "3KiB", "m4", ">"};
  std::mt19937 random(7);
  int good = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (uint32_t n = random() % 8; n > 0; --n) text += pieces[random() % pieces.size()] + " ";
    const auto parsed = Expression::Parse(text, "type");
    if (!parsed.ok()) continue;
    ++good;
    parsed->Evaluate(Board);
  }
  EXPECT_GT(good, 100);
}

TEST(ExpressionTest, NamesWhatItCompares) {
  const auto parsed = Expression::Parse("core == m4 && !(rack == 3) || virtual_m7", "type");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Names(), (std::set<std::string>{"core", "rack", "type"}));
}

}  // namespace
}  // namespace tinyrig::server
