#include "server/api/artifact_service.h"

#include <fmt/format.h>

#include <optional>

#include "server/api/pull_stream.h"
#include "server/api/unary.h"
#include "server/model/sha256.h"

namespace tinyrig::server {
namespace {

// Writes each message to disk on the pool before the next is read: a fast client waits, memory does
// not grow.
class UploadReactor final : public grpc::ServerReadReactor<v1::UploadArtifactRequest> {
 public:
  UploadReactor(const grpc::CallbackServerContext& context, Backend& backend,
                v1::ArtifactRef* response)
      : backend_(backend), response_(response) {
    Result<Caller> caller = Admit(context, backend, v1::UploadArtifactRequest::descriptor());
    if (!caller.ok()) {
      Finish(ToGrpc(caller.status()));
    } else {
      caller_ = std::move(*caller);
      StartRead(&request_);
    }
  }

  void OnReadDone(bool ok) override {
    boost::asio::post(backend_.executors.pool, [this, ok] {
      auto work = [this, ok] { return ok ? Receive() : Complete(); };
      const Status status = Executors::Guarded(work);
      if (!ok || !status.ok()) return End(status);
      StartRead(&request_);
    });
  }

  void OnDone() override { delete this; }

 private:
  void End(const Status& status) {
    v1::UploadArtifactRequest first;
    *first.mutable_artifact() = artifact_;
    backend_.gate.Count(first.GetDescriptor(), status.code());
    backend_.gate.Record(caller_, first, status);
    Finish(ToGrpc(status));
  }

  Status Receive() {
    TRY(backend_.gate.StillAdmitted(caller_));
    if (!upload_) {
      artifact_ = request_.artifact();
      TRY_ASSIGN(ArtifactFolder::Upload upload,
                 backend_.artifacts.StartUpload(artifact_.sha256(), artifact_.size_bytes(),
                                                request_.offset()));
      upload_.emplace(std::move(upload));
    }
    return upload_->Append(AsBytes(request_.data()));
  }

  Status Complete() {
    if (!upload_)
      return {Code::kInvalidArgument,
              "the upload had no message; the first one names the artifact"};
    TRY(upload_->Finish());
    *response_ = artifact_;
    boost::asio::post(backend_.executors.io, [&backend = backend_, artifact = artifact_] {
      // Only a name for people: losing it harms nobody.
      (void)backend.store.SaveArtifactName(artifact.sha256(), artifact.name(),
                                           artifact.size_bytes(), backend.clock.Now());
    });
    return {};
  }

  Backend& backend_;
  v1::ArtifactRef* response_;
  Caller caller_;
  v1::UploadArtifactRequest request_;
  v1::ArtifactRef artifact_;
  std::optional<ArtifactFolder::Upload> upload_;
};

class DownloadStream final : public PullStream<v1::ArtifactChunk> {
 public:
  DownloadStream(Backend& backend, const v1::DownloadArtifactRequest& request)
      : PullStream(backend), sha256_(request.sha256()), offset_(request.offset()) {}

  Step Next(v1::ArtifactChunk* message, Status* status) override {
    constexpr size_t kChunkBytes = 256 << 10;
    const auto bytes = backend_.artifacts.ReadRange(sha256_, offset_, kChunkBytes);
    if (!bytes.ok() || bytes->empty()) {
      *status = bytes.status();
      return Step::kEnd;
    }
    offset_ += bytes->size();
    message->set_data(std::string(AsText(*bytes)));
    return Step::kMessage;
  }

 private:
  const std::string sha256_;
  uint64_t offset_;
};

}  // namespace

grpc::ServerUnaryReactor* ArtifactServiceImpl::StatArtifact(grpc::CallbackServerContext* context,
                                                            const v1::StatArtifactRequest* request,
                                                            v1::ArtifactRef* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const uint64_t size, backend_.artifacts.Size(request->sha256()));
    response->set_sha256(request->sha256());
    response->set_size_bytes(size);
    return {};
  });
}

grpc::ServerUnaryReactor* ArtifactServiceImpl::StatUpload(grpc::CallbackServerContext* context,
                                                          const v1::StatUploadRequest* request,
                                                          v1::UploadState* response) {
  return OnPool(context, backend_, request, [=, this](const Caller&) -> Status {
    TRY_ASSIGN(const uint64_t partial, backend_.artifacts.PartialSize(request->sha256()));
    const Result<uint64_t> whole = backend_.artifacts.Size(request->sha256());
    response->set_complete(whole.ok());
    response->set_received_bytes(whole.ok() ? *whole : partial);
    return {};
  });
}

grpc::ServerReadReactor<v1::UploadArtifactRequest>* ArtifactServiceImpl::UploadArtifact(
    grpc::CallbackServerContext* context, v1::ArtifactRef* response) {
  return new UploadReactor(*context, backend_, response);
}

grpc::ServerWriteReactor<v1::ArtifactChunk>* ArtifactServiceImpl::DownloadArtifact(
    grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) {
  return DownloadStream::Start(context, request,
                               std::make_shared<DownloadStream>(backend_, *request));
}

}  // namespace tinyrig::server
