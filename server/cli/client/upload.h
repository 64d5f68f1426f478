#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "proto/status/status.h"
#include "server/cli/campaign/campaign_file.h"
#include "server/cli/client/client.h"

namespace tinyrig::cli {

/// A file on this machine by content.
struct FileDigest {
  std::string sha256;  ///< Lower-case hex.
  uint64_t size_bytes = 0;
};
/// Reads the file once. Errors: it cannot be read.
Result<FileDigest> DigestFile(const std::string& path);

/// Brings a file to the server: asks for its hash first, sends only what is not there, in pieces,
/// and goes on where a broken connection ended it. The server checks size and hash before it keeps
/// anything; a file that changes meanwhile is an error.
Result<v1::ArtifactRef> UploadFile(const Client& client, const std::string& path);

/// Uploads models and vectors and fills their hashes and sizes into the spec.
/// `on_file` is told each file's name before it is sent.
Status UploadArtifacts(const Client& client, LocalCampaign& campaign,
                       const std::function<void(const std::string&)>& on_file);

}  // namespace tinyrig::cli
