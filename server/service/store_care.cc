#include "server/service/store_care.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "server/model/sha256.h"
#include "server/store/care.h"

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNameBytes = 100;

/// Letters, digits, dot, dash and underscore, and no dot in front: a file of one folder.
Status CheckName(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  if (plain && !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.') return {};
  return {Code::kInvalidArgument,
          fmt::format("a backup's name has letters, digits, dots, dashes and underscores, at most "
                      "{}, and no folder; '{}' has not",
                      kMaxNameBytes, name)};
}

Result<std::string> HashOf(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<char> piece(1 << 20);
  Sha256 hash;
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    hash.Update(AsBytes({piece.data(), static_cast<size_t>(in.gcount())}));
  }
  if (!in.eof()) {
    return Status(Code::kUnavailable,
                  fmt::format("cannot read {} back; check the disk", file.string()));
  }
  return hash.HexDigest();
}

}  // namespace

Result<v1::CheckStoreResponse> CheckStore(const fs::path& database, const ArtifactFolder& artifacts,
                                          bool deep) {
  v1::CheckStoreResponse response;
  const auto problem = [&](std::string text) {
    if (response.problems_size() < kMaxProblems) response.add_problems(std::move(text));
  };
  // What is referred to is asked first: a result that comes meanwhile has its file already.
  TRY_ASSIGN(std::set<std::string> missing, ReferencedArtifacts(database, {}, false));
  TRY_ASSIGN(const std::vector<std::string> problems, FindProblems(database));
  for (const std::string& text : problems) problem(text);
  TRY_ASSIGN(const std::vector<ArtifactFolder::Entry> entries, artifacts.List());
  for (const ArtifactFolder::Entry& entry : entries) {
    missing.erase(entry.sha256);
    response.set_artifacts(response.artifacts() + 1);
    response.set_artifact_bytes(response.artifact_bytes() + entry.size_bytes);
    if (!deep) continue;
    const Status verified = artifacts.Verify(entry.sha256);
    if (!verified.ok() && verified.code() != Code::kNotFound) problem(verified.message());
  }
  for (const std::string& sha256 : missing) {
    problem(fmt::format("artifact {} is referred to and is not there; restore it from a backup",
                        sha256));
  }
  // Of its pages; some of them may still be in the log beside the file.
  TRY_ASSIGN(Database db, Database::Open(database.string(), Database::Mode::kReadOnly));
  TRY_ASSIGN(Statement size, db.Query("SELECT page_count * page_size FROM pragma_page_count(), "
                                      "pragma_page_size()"));
  TRY(size.Step());
  response.set_database_bytes(size.Uint(0));
  return response;
}

Result<v1::BackupResponse> MakeBackup(const fs::path& database, const std::string& name,
                                      const std::function<bool()>& stopped) {
  std::string file = name;
  if (file.empty()) {
    file = fmt::format("tinyrig-{:%Y%m%dT%H%M%SZ}.db", fmt::gmtime(std::time(nullptr)));
  }
  TRY(CheckName(file));
  const fs::path dir = database.parent_path() / "backups";
  std::error_code error;
  fs::create_directory(dir, error);
  if (!error) fs::permissions(dir, fs::perms::owner_all, error);
  if (error) {
    return Status(Code::kFailedPrecondition, fmt::format("cannot create {}: {}; check its "
                                                         "permissions",
                                                         dir.string(), error.message()));
  }
  const fs::path target = dir / file;
  TRY(CopyDatabase(database, target, stopped));
  v1::BackupResponse response;
  response.set_path(target.string());
  response.set_size_bytes(fs::file_size(target, error));
  TRY_ASSIGN(*response.mutable_sha256(), HashOf(target));
  TRY_ASSIGN(const std::set<std::string> hashes, ReferencedArtifacts(target, {}, false));
  response.set_artifacts(hashes.size());
  return response;
}

}  // namespace tinyrig::server
