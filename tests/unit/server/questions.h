#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tinyrig::server {

/// A question of server/store/README.md and the SQL that answers it.
struct Question {
  std::string title;
  std::string sql;
};

/// Every block of the README that starts with ```sql and a comment: what is documented is what is
/// tested and timed.
inline std::vector<Question> ReadQuestions(const std::filesystem::path& source_dir) {
  std::ifstream file(source_dir / "server/store/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Question> questions;
  const std::string start = "```sql\n-- ";
  for (size_t at = text.find(start); at != text.npos; at = text.find(start, at + 1)) {
    const size_t title = at + start.size();
    const size_t sql = text.find('\n', title) + 1;
    const size_t end = text.find("```", sql);
    questions.push_back({text.substr(title, sql - title - 1), text.substr(sql, end - sql)});
  }
  return questions;
}

}  // namespace tinyrig::server
