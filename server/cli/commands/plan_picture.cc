#include "server/cli/commands/plan_picture.h"

#include <fmt/format.h>

#include <filesystem>

#include "server/cli/text/file.h"

namespace tinyrig::cli {

std::string ModelName(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

Status WritePictures(const PictureFiles& files, const MemoryPicture& picture) {
  const auto write = [](const std::string& path, const std::string& text) -> Status {
    if (path == "-") {
      fmt::print("{}", text);
      return OkStatus();
    }
    TRY(WriteFile(path, text));
    fmt::print(stderr, "wrote {}\n", path);
    return OkStatus();
  };
  if (!files.svg.empty()) TRY(write(files.svg, MemorySvg(picture)));
  if (!files.html.empty()) TRY(write(files.html, MemoryPage(picture)));
  return OkStatus();
}

}  // namespace tinyrig::cli
