#include "server/cli/campaign/zoo.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "server/cli/service/paths.h"
#include "server/cli/text/file.h"
#include "server/cli/text/suggest.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;

/// Names without extension, sorted.
std::vector<std::string> NamesInZoo(std::string_view extension) {
  std::vector<std::string> names;
  const auto zoo = FindBesidePrograms("share/tinyrig/zoo");
  if (!zoo.ok()) return names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(*zoo, error)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

/// Whether it can only be a file: it says where it lies, or lies there.
bool IsPath(const std::string& folder, const std::string& given) {
  std::error_code ignored;
  return given.find('/') != std::string::npos || fs::exists(fs::path(folder) / given, ignored);
}

}  // namespace

Result<std::string> FindFileOrZoo(const std::string& folder, const std::string& given,
                                  std::string_view extension, std::string_view what) {
  const fs::path path = fs::path(folder) / given;
  const bool is_path = IsPath(folder, given);
  for (const std::string& name : {given, given + std::string(extension)}) {
    if (is_path || !name.ends_with(extension)) continue;
    const auto in_zoo = FindBesidePrograms("share/tinyrig/zoo/" + name);
    if (in_zoo.ok()) return in_zoo;
  }
  if (is_path || given.ends_with(extension)) {
    TRY(CheckReadable(path.string(), what));
    return path.string();
  }
  const std::vector<std::string> names = NamesInZoo(extension);
  const std::vector<std::string_view> known(names.begin(), names.end());
  return Status(Code::kNotFound, fmt::format("{} '{}' is neither a file nor in the zoo{}", what,
                                             given, SuggestFrom(given, known)));
}

Result<std::string> FindModel(const std::string& given) {
  return FindFileOrZoo("", given, ".tflite", "model");
}

bool IsZooName(const std::string& given) {
  return !IsPath("", given) && !given.ends_with(".yaml") && !given.ends_with(".yml");
}

}  // namespace tinyrig::cli
