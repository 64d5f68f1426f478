// Uploads that break off: what came is gone on with, and never mistaken for the whole.

#include <gtest/gtest.h>

#include "server/model/sha256.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

class UploadTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start());
    bytes_.resize(4'000'000);
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i * i >> 7);
    artifact_.set_sha256(Sha256Hex(AsBytes(bytes_)));
    artifact_.set_size_bytes(bytes_.size());
  }

  /// Sends from `offset` to `end`; then ends the upload in good order, or breaks it off.
  grpc::Status Send(uint64_t offset, uint64_t end, bool in_order, const std::string& bytes) {
    auto context = Client::Context();
    v1::ArtifactRef stored;
    auto writer = client_.artifacts->UploadArtifact(context.get(), &stored);
    v1::UploadArtifactRequest request;
    *request.mutable_artifact() = artifact_;
    request.set_offset(offset);
    bool open = writer->Write(request);
    request.Clear();
    for (uint64_t at = offset; open && at < end; at += request.data().size()) {
      request.set_data(bytes.substr(at, std::min<uint64_t>(100'000, end - at)));
      open = writer->Write(request);
    }
    if (!in_order) {
      // What was written is not lost by the cancellation that follows.
      EXPECT_TRUE(Eventually([&] { return PartialBytesOnDisk() >= end - offset; }));
      context->TryCancel();
    }
    writer->WritesDone();
    return writer->Finish();
  }
  v1::UploadState State() {
    v1::StatUploadRequest request;
    request.set_sha256(artifact_.sha256());
    v1::UploadState state;
    EXPECT_TRUE(Eventually([&] {
      return client_.artifacts->StatUpload(Client::Context().get(), request, &state).ok();
    }));
    return state;
  }
  bool IsThere() {
    v1::StatArtifactRequest request;
    request.set_sha256(artifact_.sha256());
    v1::ArtifactRef found;
    return client_.artifacts->StatArtifact(Client::Context().get(), request, &found).ok();
  }
  uint64_t PartialBytesOnDisk() const {
    uint64_t bytes = 0;
    for (const char* folder : {"tmp", "partial"}) {
      std::error_code error;
      for (const auto& file :
           std::filesystem::directory_iterator(server_.state() / "artifacts" / folder, error)) {
        bytes += file.file_size(error);
      }
    }
    return bytes;
  }

  ServerProcess server_;
  Client client_{server_.address()};
  std::string bytes_;
  v1::ArtifactRef artifact_;
};

TEST_F(UploadTest, GoesOnWhereItBrokeOff) {
  EXPECT_FALSE(Send(0, 1'500'000, false, bytes_).ok());
  ASSERT_TRUE(Eventually([&] { return State().received_bytes() == 1'500'000; }));
  EXPECT_FALSE(State().complete());
  EXPECT_FALSE(IsThere());
  const grpc::Status rest = Send(1'500'000, bytes_.size(), true, bytes_);
  EXPECT_TRUE(rest.ok()) << rest.error_message();
  EXPECT_TRUE(State().complete());
  EXPECT_EQ(client_.Download(artifact_.sha256()), bytes_);
  EXPECT_EQ(PartialBytesOnDisk(), 0u);
}

TEST_F(UploadTest, SurvivesTheServer) {
  std::thread sender([&] { EXPECT_FALSE(Send(0, 2'000'000, false, bytes_).ok()); });
  ASSERT_TRUE(Eventually([&] { return PartialBytesOnDisk() >= 1'000'000; }));
  sender.join();
  server_.Kill();
  ASSERT_TRUE(server_.Start());
  const uint64_t received = State().received_bytes();
  EXPECT_EQ(received, 2'000'000u);
  EXPECT_TRUE(Send(received, bytes_.size(), true, bytes_).ok());
  EXPECT_EQ(client_.Download(artifact_.sha256()), bytes_);
}

TEST_F(UploadTest, TooFewBytesAreKeptAndNotBelieved) {
  EXPECT_EQ(Send(0, 1'000'000, true, bytes_).error_code(), grpc::DATA_LOSS);
  EXPECT_FALSE(IsThere());
  ASSERT_TRUE(Eventually([&] { return State().received_bytes() == 1'000'000; }));
  EXPECT_EQ(Send(2'000'000, bytes_.size(), true, bytes_).error_code(), grpc::OUT_OF_RANGE);
  EXPECT_EQ(Send(bytes_.size() + 1, bytes_.size() + 1, true, bytes_).error_code(),
            grpc::INVALID_ARGUMENT);
}

TEST_F(UploadTest, WhatSomebodySpoiledIsForgotten) {
  const std::string other(bytes_.size(), 'x');
  EXPECT_EQ(Send(0, 1'000'000, true, other).error_code(), grpc::DATA_LOSS);
  ASSERT_TRUE(Eventually([&] { return State().received_bytes() == 1'000'000; }));
  EXPECT_EQ(Send(1'000'000, bytes_.size(), true, bytes_).error_code(), grpc::DATA_LOSS);
  EXPECT_TRUE(Eventually([&] { return State().received_bytes() == 0; }));
  EXPECT_TRUE(Send(0, bytes_.size(), true, bytes_).ok());
}

TEST_F(UploadTest, TwoAtATimeBothArrive) {
  std::thread first([&] { EXPECT_TRUE(Send(0, bytes_.size(), true, bytes_).ok()); });
  std::thread second([&] { EXPECT_TRUE(Send(0, bytes_.size(), true, bytes_).ok()); });
  first.join();
  second.join();
  EXPECT_EQ(client_.Download(artifact_.sha256()), bytes_);
}

TEST_F(UploadTest, TwoGigabytesAreRefusedAtTheFirstMessage) {
  artifact_.set_size_bytes(uint64_t{2} << 30);
  const grpc::Status status = Send(0, bytes_.size(), true, bytes_);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_NE(status.error_message().find("536870912"), std::string::npos) << status.error_message();
  EXPECT_EQ(PartialBytesOnDisk(), 0u);
}

}  // namespace
}  // namespace tinyrig::server
