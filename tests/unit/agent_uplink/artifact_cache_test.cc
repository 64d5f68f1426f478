#include "agent/uplink/artifact_cache.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "agent/uplink/server_link.h"
#include "tests/unit/agent_uplink/temp_dir.h"

namespace tinyrig::agent {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// SHA-256 of "abc", from FIPS 180-2.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Sends what the test put there, two bytes at a time, true or not.
class FakeArtifacts final : public v1::ArtifactService::Service {
 public:
  grpc::Status DownloadArtifact(grpc::ServerContext* context,
                                const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::ArtifactChunk>* writer) override {
    std::string bytes;
    {
      const std::lock_guard lock(mutex_);
      ++downloads_;
      const auto found = files_.find(request->sha256());
      if (found == files_.end()) return {grpc::StatusCode::NOT_FOUND, "no such artifact"};
      bytes = found->second;
    }
    for (size_t at = 0; at < bytes.size(); at += 2) {
      v1::ArtifactChunk chunk;
      chunk.set_data(bytes.substr(at, 2));
      if (!writer->Write(chunk)) break;
    }
    while (stall_ && !context->IsCancelled()) std::this_thread::sleep_for(milliseconds(5));
    return grpc::Status::OK;
  }
  void Put(const std::string& sha256, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    files_[sha256] = bytes;
  }
  int downloads() {
    const std::lock_guard lock(mutex_);
    return downloads_;
  }
  std::atomic<bool> stall_ = false;

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  int downloads_ = 0;
};

class ArtifactCacheTest : public testing::Test {
 protected:
  ArtifactCacheTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    auto cache = ArtifactCache::Open(dir(), MakeChannel(address(), {}).value(), io_, pool_);
    EXPECT_TRUE(cache.ok()) << cache.status().message();
    cache_ = std::move(*cache);
  }
  ~ArtifactCacheTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    pool_.join();
  }

  std::string address() const { return "unix:" + (temp_.path() / "s").string(); }
  fs::path dir() const { return temp_.path() / "cache"; }

  Result<fs::path> Get(const std::string& sha256, uint64_t size = 0,
                       Clock::duration limit = std::chrono::seconds(20)) {
    v1::ArtifactRef ref;
    ref.set_sha256(sha256);
    ref.set_size_bytes(size);
    Result<fs::path> got{Code::kUnknown, "never came back"};
    asio::co_spawn(io_, GetInto(&got, ref, Within(limit)),
                   asio::bind_cancellation_slot(cancel_.slot(), asio::detached));
    io_.restart();
    io_.run();
    return got;
  }

  Awaitable<void> GetInto(Result<fs::path>* got, v1::ArtifactRef ref, Deadline deadline) {
    *got = co_await cache_->Get(ref, deadline);
  }

  static std::string Bytes(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t Files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir()), {}));
  }

  TempDir temp_;
  FakeArtifacts service_;
  std::unique_ptr<grpc::Server> server_;
  asio::io_context io_;
  asio::thread_pool pool_{2};
  asio::cancellation_signal cancel_;
  std::unique_ptr<ArtifactCache> cache_;
};

TEST_F(ArtifactCacheTest, FetchesOnce) {
  service_.Put(kAbc, "abc");
  for (int i = 0; i < 2; ++i) {
    const Result<fs::path> path = Get(kAbc, 3);
    ASSERT_TRUE(path.ok()) << path.status().message();
    EXPECT_EQ(Bytes(*path), "abc");
  }
  EXPECT_EQ(service_.downloads(), 1);
  EXPECT_EQ(Files(), 1u);
}

TEST_F(ArtifactCacheTest, WrongBytesAreRefusedAndNotKept) {
  service_.Put(kAbc, "abd");
  const Result<fs::path> path = Get(kAbc);
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.status().code(), Code::kDataLoss);
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ArtifactCacheTest, MoreThanAnnouncedIsRefused) {
  service_.Put(kAbc, "abc");
  EXPECT_EQ(Get(kAbc, 2).status().code(), Code::kDataLoss);
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ArtifactCacheTest, NamesThatAreNoHashNeverTouchADisk) {
  const std::string hash = kAbc;
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), hash.substr(1), hash + "0",
        "BA7816BF" + hash.substr(8), "/" + hash.substr(1), "../" + hash.substr(3)}) {
    const Result<fs::path> path = Get(name);
    ASSERT_FALSE(path.ok()) << name;
    EXPECT_EQ(path.status().code(), Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(service_.downloads(), 0);
}

TEST_F(ArtifactCacheTest, TooLargeIsRefusedBeforeItIsFetched) {
  service_.Put(kAbc, "abc");
  EXPECT_EQ(Get(kAbc, ArtifactCache::kMaxArtifactBytes + 1).status().code(),
            Code::kResourceExhausted);
  EXPECT_EQ(service_.downloads(), 0);
}

TEST_F(ArtifactCacheTest, WhatTheServerDoesNotHaveIsNotFound) {
  const Result<fs::path> path = Get(kAbc);
  EXPECT_EQ(path.status().code(), Code::kNotFound);
  EXPECT_THAT(path.status().message(), HasSubstr("no such artifact"));
}

TEST_F(ArtifactCacheTest, AFileThatChangedOnDiskIsFetchedAgain) {
  service_.Put(kAbc, "abc");
  ASSERT_TRUE(Get(kAbc, 3).ok());
  for (const char* damage : {"abx", "ab", ""}) {
    std::ofstream(dir() / kAbc, std::ios::binary) << damage;
    const Result<fs::path> path = Get(kAbc, 3);
    ASSERT_TRUE(path.ok()) << path.status().message();
    EXPECT_EQ(Bytes(*path), "abc");
  }
  EXPECT_EQ(service_.downloads(), 4);
}

TEST_F(ArtifactCacheTest, TheDeadlineHolds) {
  service_.Put(kAbc, "abc");
  service_.stall_ = true;
  EXPECT_EQ(Get(kAbc, 3, milliseconds(200)).status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ArtifactCacheTest, ACancelEndsTheTransfer) {
  service_.Put(kAbc, "abc");
  service_.stall_ = true;
  asio::steady_timer timer(io_, milliseconds(100));
  timer.async_wait([&](auto) { cancel_.emit(asio::cancellation_type::terminal); });
  const auto start = Clock::now();
  EXPECT_EQ(Get(kAbc, 3).status().code(), Code::kCancelled);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ArtifactCacheTest, OpenRemovesWhatWasHalfFetched) {
  std::ofstream(dir() / (std::string(kAbc) + ".1.tmp")) << "ab";
  ASSERT_TRUE(ArtifactCache::Open(dir(), MakeChannel(address(), {}).value(), io_, pool_).ok());
  EXPECT_EQ(Files(), 0u);
}

}  // namespace
}  // namespace tinyrig::agent
