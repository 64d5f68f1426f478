#include <fmt/format.h>

#include "server/cli/report/escape.h"
#include "server/cli/report/html.h"
#include "server/cli/report/memory_picture.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

std::string GroupOf(const MemoryPicture& picture, const MemoryPart& part) {
  for (const MemoryGroup& group : picture.groups) {
    if (group.first <= part.first && part.last <= group.last) return group.name;
  }
  return "";
}

std::string StepsOf(const MemoryPicture& picture, const MemoryPart& part) {
  const std::string& first = picture.steps[part.first].name;
  return part.first == part.last ? first : first + " to " + picture.steps[part.last].name;
}

std::string Cell(std::string_view name, std::string_view value, bool number) {
  return fmt::format("<td data-name=\"{}\"{}>{}</td>", name, number ? " class=\"n\"" : "",
                     EscapeMarkup(value));
}

std::string PartTable(const MemoryPicture& picture) {
  std::string out =
      "<table class=\"cards\"><thead><tr><th>when</th><th>steps</th><th>what</th>"
      "<th class=\"n\">address</th><th class=\"n\">bytes</th></tr></thead>\n<tbody>\n";
  for (const MemoryPart& part : picture.parts) {
    out += "<tr>" + Cell("when", GroupOf(picture, part), false) +
           Cell("steps", StepsOf(picture, part), false) + Cell("what", part.what, false) +
           Cell("address", FormatCount(static_cast<uint64_t>(part.offset)), true) +
           Cell("bytes", FormatCount(static_cast<uint64_t>(part.bytes)), true) + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

}  // namespace

std::string MemoryPage(const MemoryPicture& picture) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n";
  out += fmt::format(
      "<title>{} - tinyrig</title>\n<style>{}main {{ max-width: 80rem; }}\nfigure {{ overflow-x: "
      "auto; padding: 0; }}\n@media print {{ .mem {{ width: 100%; height: auto; }} }}\n</style>\n"
      "</head>\n<body>\n<main>\n",
      EscapeMarkup(picture.title), kReportStyle);
  out += "<h1>The arena, step by step</h1>\n";
  out += "<figure>\n" + MemorySvg(picture) + "</figure>\n";
  out += "<h2>What lies where</h2>\n" + PartTable(picture);
  out += fmt::format("<footer>Written by tinyrig {}.</footer>\n</main>\n</body>\n</html>\n",
                     TINYRIG_VERSION);
  return out;
}

}  // namespace tinyrig::cli
