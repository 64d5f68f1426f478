#include "server/service/firmware_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <vector>

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxFirmwareBytes = 64u << 20;

Result<std::string> ReadFile(const fs::path& path) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error || size > kMaxFirmwareBytes) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("{}: {}; build the firmware again", path.string(),
                              error ? error.message() : std::string("too large for a firmware")));
  }
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return Status(Code::kUnavailable,
                  fmt::format("{}: cannot be read; check its permissions", path.string()));
  }
  return bytes;
}

Result<Bundle> LoadBundle(const fs::path& json_path, ArtifactFolder& artifacts) {
  TRY_ASSIGN(const std::string text, ReadFile(json_path));
  Result<Bundle> bundle = ParseBundle(text);
  if (!bundle.ok()) return bundle.status().WithContext(json_path.string());
  fs::path bin = json_path;
  bin.replace_extension(".bin");
  TRY_ASSIGN(const std::string bytes, ReadFile(bin));
  const auto span = AsBytes(bytes);
  bundle->firmware.assign(span.begin(), span.end());
  TRY(CheckFirmware(*bundle));
  // Only names for people: an image without its .elf still runs.
  fs::path elf = json_path;
  elf.replace_extension(".elf");
  const Result<std::string> elf_bytes = ReadFile(elf);
  if (elf_bytes.ok()) bundle->symbols = SymbolTable::FromElf(AsBytes(*elf_bytes));
  TRY_ASSIGN(const std::string sha256, artifacts.Put(span));
  artifacts.Pin(sha256);
  bundle->firmware_artifact.set_sha256(sha256);
  bundle->firmware_artifact.set_name(bin.filename().string());
  bundle->firmware_artifact.set_size_bytes(bytes.size());
  return bundle;
}

}  // namespace

Result<Catalog> LoadFirmware(const fs::path& dir, ArtifactFolder& artifacts) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Catalog catalog;
  for (const fs::path& file : files) {
    TRY_ASSIGN(Bundle bundle, LoadBundle(file, artifacts));
    TRY(catalog.Add(std::move(bundle)));
  }
  return catalog;
}

}  // namespace tinyrig::server
