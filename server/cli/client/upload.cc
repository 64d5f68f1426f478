#include "server/cli/client/upload.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;
constexpr std::chrono::minutes kUploadTimeout{30};
constexpr int kMaxTries = 8;
constexpr std::chrono::milliseconds kRetry{500};

/// Calls `use` with every piece of the file from `offset` on, in order, until it returns false.
template <typename Use>
Status ForEachChunk(const std::string& path, uint64_t offset, Use use) {
  TRY(CheckReadable(path, "file"));
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string buffer(kChunkBytes, '\0');
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto bytes = static_cast<size_t>(in.gcount());
    if (bytes > 0 && !use(std::string_view(buffer).substr(0, bytes))) return OkStatus();
  }
  if (!in.eof()) return {Code::kInternal, fmt::format("'{}' could not be read to its end", path)};
  return OkStatus();
}

}  // namespace

Result<FileDigest> DigestFile(const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  FileDigest digest;
  TRY(ForEachChunk(path, 0, [&](std::string_view bytes) {
    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
    digest.size_bytes += bytes.size();
    return true;
  }));
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context.get(), hash.data(), &length);
  for (unsigned int i = 0; i < length; ++i) digest.sha256 += fmt::format("{:02x}", hash[i]);
  return digest;
}

namespace {

/// Sends the file from `offset` on. `file` says whether it could be read to its end.
grpc::Status Send(const Client& client, const std::string& path, const v1::ArtifactRef& artifact,
                  uint64_t offset, Status* file) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kUploadTimeout);
  v1::ArtifactService::Stub stub(client.channel());
  v1::ArtifactRef stored;
  const auto writer = stub.UploadArtifact(&context, &stored);
  v1::UploadArtifactRequest message;
  *message.mutable_artifact() = artifact;
  message.set_offset(offset);
  bool open = writer->Write(message);
  message.clear_artifact();
  message.clear_offset();
  *file = ForEachChunk(path, offset, [&](std::string_view bytes) {
    message.set_data(bytes.data(), bytes.size());
    return open = open && writer->Write(message);
  });
  if (!file->ok()) context.TryCancel();
  writer->WritesDone();
  return writer->Finish();
}

/// The connection broke, or somebody else took what was there to go on with.
bool MayGoOn(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::OUT_OF_RANGE;
}

}  // namespace

Result<v1::ArtifactRef> UploadFile(const Client& client, const std::string& path) {
  TRY_ASSIGN(const FileDigest digest, DigestFile(path));
  v1::ArtifactRef artifact;
  artifact.set_sha256(digest.sha256);
  artifact.set_size_bytes(digest.size_bytes);
  artifact.set_name(std::filesystem::path(path).filename().string());
  v1::StatUploadRequest stat;
  stat.set_sha256(digest.sha256);
  for (int tries = 1;; ++tries) {
    auto state = client.Call(&v1::ArtifactService::Stub::StatUpload, stat, "asking for " + path);
    const bool last = tries == kMaxTries;
    if (state.ok() && state->complete()) return artifact;
    if (!state.ok() && (last || state.status().code() != Code::kUnavailable)) {
      return state.status();
    }
    if (state.ok()) {
      // What somebody else sent under this name may be wrong: the last try brings all of it.
      const uint64_t offset =
          last || state->received_bytes() > digest.size_bytes ? 0 : state->received_bytes();
      Status file;
      const grpc::Status status = Send(client, path, artifact, offset, &file);
      TRY(file);
      if (status.ok()) return artifact;
      const bool wrong_start = status.error_code() == grpc::StatusCode::DATA_LOSS && offset > 0;
      if (last || (!MayGoOn(status) && !wrong_start)) return FromGrpc(status, "uploading " + path);
    }
    std::this_thread::sleep_for(kRetry * tries);
  }
}

Status UploadArtifacts(const Client& client, LocalCampaign& campaign,
                       const std::function<void(const std::string&)>& on_file) {
  for (size_t i = 0; i < campaign.model_paths.size(); ++i) {
    on_file(campaign.model_paths[i]);
    TRY_ASSIGN(*campaign.spec.mutable_models(static_cast<int>(i)),
               UploadFile(client, campaign.model_paths[i]));
  }
  if (campaign.vectors_path.empty()) return OkStatus();
  on_file(campaign.vectors_path);
  TRY_ASSIGN(*campaign.spec.mutable_vectors()->mutable_npz(),
             UploadFile(client, campaign.vectors_path));
  return OkStatus();
}

}  // namespace tinyrig::cli
