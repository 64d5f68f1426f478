#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/session/attempt.h"
#include "proto/tinyrig/v1/artifacts.grpc.pb.h"

namespace tinyrig::agent {

/// Artifacts of the server, kept by content in a folder: DIR/<sha256>, DIR/<sha256>.N.tmp while one
/// is fetched. What is there already is hashed again before it is used. Fetching and hashing happen
/// on the pool, results come back on the io thread. A fetch waits for a server that is away, up to
/// its deadline; when the calling coroutine is cancelled, the transfer is too.
class ArtifactCache : public ArtifactSource {
 public:
  static constexpr uint64_t kMaxArtifactBytes = 256ull << 20;
  /// Beyond this much the artifacts that were fetched longest ago go, when the cache is opened.
  static constexpr uint64_t kMaxCacheBytes = 2ull << 30;

  /// `io` and `pool` outlive the cache; the cache outlives the work on them.
  /// Errors: kUnavailable: the folder cannot be created.
  static Result<std::unique_ptr<ArtifactCache>> Open(const std::filesystem::path& dir,
                                                     std::shared_ptr<grpc::Channel> channel,
                                                     boost::asio::io_context& io,
                                                     boost::asio::thread_pool& pool);

  /// Errors beside those of ArtifactSource: kInvalidArgument: no SHA-256 (64 lower-case hex
  /// digits). kResourceExhausted: larger than kMaxArtifactBytes, or the disk is full. kCancelled.
  Awaitable<Result<std::filesystem::path>> Get(v1::ArtifactRef ref, Deadline deadline) override;

 private:
  struct Fetch;
  ArtifactCache(std::filesystem::path dir, std::shared_ptr<grpc::Channel> channel,
                boost::asio::io_context& io, boost::asio::thread_pool& pool)
      : dir_(std::move(dir)),
        stub_(v1::ArtifactService::NewStub(std::move(channel))),
        io_(io),
        pool_(pool) {}

  Result<std::filesystem::path> GetBlocking(Fetch& fetch) const;
  /// One call, from `offset` on; each piece goes to `take`, which may refuse more.
  grpc::Status ReadFrom(Fetch& fetch, uint64_t offset,
                        const std::function<bool(const v1::ArtifactChunk&)>& take) const;
  Status Download(Fetch& fetch, const std::filesystem::path& temporary) const;

  std::filesystem::path dir_;
  std::unique_ptr<v1::ArtifactService::Stub> stub_;
  boost::asio::io_context& io_;
  boost::asio::thread_pool& pool_;
};

}  // namespace tinyrig::agent
