#pragma once

#include "proto/tinyrig/v1/artifacts.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.ArtifactService: files by content, in chunks, hashed on arrival.
class ArtifactServiceImpl final : public v1::ArtifactService::CallbackService {
 public:
  explicit ArtifactServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* StatArtifact(grpc::CallbackServerContext* context,
                                         const v1::StatArtifactRequest* request,
                                         v1::ArtifactRef* response) override;
  grpc::ServerUnaryReactor* StatUpload(grpc::CallbackServerContext* context,
                                       const v1::StatUploadRequest* request,
                                       v1::UploadState* response) override;
  grpc::ServerReadReactor<v1::UploadArtifactRequest>* UploadArtifact(
      grpc::CallbackServerContext* context, v1::ArtifactRef* response) override;
  grpc::ServerWriteReactor<v1::ArtifactChunk>* DownloadArtifact(
      grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
