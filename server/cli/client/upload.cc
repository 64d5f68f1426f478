#include "server/cli/client/upload.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;
constexpr std::chrono::minutes kUploadTimeout{30};

/// Calls `use` with every piece of the file in order, until it returns false.
template <typename Use>
Status ForEachChunk(const std::string& path, Use use) {
  TRY(CheckReadable(path, "file"));
  std::ifstream in(path, std::ios::binary);
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
  TRY(ForEachChunk(path, [&](std::string_view bytes) {
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

Result<v1::ArtifactRef> UploadFile(const Client& client, const std::string& path) {
  TRY_ASSIGN(const FileDigest digest, DigestFile(path));
  v1::ArtifactRef artifact;
  artifact.set_sha256(digest.sha256);
  artifact.set_size_bytes(digest.size_bytes);
  artifact.set_name(std::filesystem::path(path).filename().string());
  v1::StatArtifactRequest stat;
  stat.set_sha256(digest.sha256);
  const auto known =
      client.Call(&v1::ArtifactService::Stub::StatArtifact, stat, "asking for " + path);
  if (known.ok()) return artifact;
  if (known.status().code() != Code::kNotFound) return known.status();

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kUploadTimeout);
  v1::ArtifactService::Stub stub(client.channel());
  v1::ArtifactRef stored;
  const auto writer = stub.UploadArtifact(&context, &stored);
  v1::UploadArtifactRequest message;
  *message.mutable_artifact() = artifact;
  bool open = writer->Write(message);
  message.clear_artifact();
  const Status read = ForEachChunk(path, [&](std::string_view bytes) {
    message.set_data(bytes.data(), bytes.size());
    return open = open && writer->Write(message);
  });
  if (!read.ok()) context.TryCancel();
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  TRY(read);
  if (!status.ok()) return FromGrpc(status, "uploading " + path);
  return artifact;
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
