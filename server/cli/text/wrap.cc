#include "server/cli/text/wrap.h"

#include "server/cli/text/table.h"

namespace tinyrig::cli {

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  const std::string printable = Printable(text);
  std::string out;
  std::string line;
  size_t columns = 0;
  const auto flush = [&] {
    if (!line.empty()) out += std::string(indent, ' ') + line + '\n';
    line.clear();
    columns = 0;
  };
  for (size_t start = 0; start < printable.size();) {
    const size_t end = std::min(printable.find(' ', start), printable.size());
    const std::string_view word = std::string_view(printable).substr(start, end - start);
    start = end + 1;
    if (word.empty()) continue;
    const size_t wide = DisplayWidth(word);
    if (columns > 0 && indent + columns + 1 + wide > width) flush();
    line += (columns > 0 ? " " : "") + std::string(word);
    columns += (columns > 0 ? 1 : 0) + wide;
  }
  flush();
  return out;
}

}  // namespace tinyrig::cli
