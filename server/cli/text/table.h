#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text tables and numbers for terminals and logs.
namespace tinyrig::cli {

enum class Align : uint8_t { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

/// Rows of text in aligned columns, two spaces apart, a line under the titles.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Adds a row; missing cells are empty, cells beyond the columns are dropped. Control characters
  /// (also line breaks and terminal escapes) become '?': a cell never leaves its line.
  void AddRow(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }
  /// Every line ends with '\n' and has no blanks before it.
  std::string Render() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns a text takes on a terminal: UTF-8 code points (no wide or combining characters in use).
size_t DisplayWidth(std::string_view text);

/// The text with control characters replaced by '?', so that it cannot steer a terminal.
std::string Printable(std::string_view text);

/// At most `width` columns; a longer text ends in an ellipsis.
std::string Shorten(std::string_view text, size_t width);

/// 43040000 -> "43,040,000".
std::string FormatCount(uint64_t value);

/// A measured value: whole numbers grouped, others with up to six significant digits.
std::string FormatNumber(double value);

}  // namespace tinyrig::cli
