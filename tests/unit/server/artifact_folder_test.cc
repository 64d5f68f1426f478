#include "server/store/artifact_folder.h"

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "tests/unit/server/temp_dir.h"

namespace tinyrig::server {
namespace {

class ArtifactFolderTest : public testing::Test {
 protected:
  ArtifactFolderTest() : folder_(ArtifactFolder::Open(dir_.path() / "artifacts").value()) {}

  size_t FilesIn(const std::filesystem::path& dir) const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir))
      count += entry.is_regular_file();
    return count;
  }

  TempDir dir_;
  ArtifactFolder folder_;
  const std::string abc_sha_ = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
};

TEST_F(ArtifactFolderTest, KeepsBytesByTheirHash) {
  EXPECT_EQ(folder_.Put(AsBytes("abc")).value(), abc_sha_);
  EXPECT_EQ(folder_.Put(AsBytes("abc")).value(), abc_sha_);
  EXPECT_EQ(folder_.Size(abc_sha_).value(), 3u);
  EXPECT_EQ(AsText(folder_.Read(abc_sha_).value()), "abc");
  EXPECT_EQ(AsText(folder_.ReadRange(abc_sha_, 1, 100).value()), "bc");
  EXPECT_TRUE(folder_.ReadRange(abc_sha_, 10, 100).value().empty());
  EXPECT_EQ(FilesIn(dir_.path()), 1u);
}

TEST_F(ArtifactFolderTest, MissingAndNonsenseNames) {
  EXPECT_EQ(folder_.Size(abc_sha_).status().code(), Code::kNotFound);
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), std::string(64, 'A'), abc_sha_ + "0",
        std::string(63, 'a') + "/"}) {
    EXPECT_EQ(folder_.Read(name).status().code(), Code::kInvalidArgument) << name;
    EXPECT_EQ(folder_.StartUpload(name, 1).status().code(), Code::kInvalidArgument) << name;
  }
}

TEST_F(ArtifactFolderTest, UploadInPieces) {
  auto upload = folder_.StartUpload(abc_sha_, 3);
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE(upload->Append(AsBytes("a")).ok());
  EXPECT_TRUE(upload->Append(AsBytes("bc")).ok());
  EXPECT_EQ(folder_.Size(abc_sha_).status().code(), Code::kNotFound);
  EXPECT_TRUE(upload->Finish().ok());
  EXPECT_EQ(folder_.Size(abc_sha_).value(), 3u);
}

TEST_F(ArtifactFolderTest, NothingIsKeptOfABadUploadAndABrokenOneIsNoArtifact) {
  {
    auto wrong = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(wrong->Append(AsBytes("abd")).ok());
    EXPECT_EQ(wrong->Finish().code(), Code::kDataLoss);
    auto too_long = folder_.StartUpload(abc_sha_, 3);
    EXPECT_EQ(too_long->Append(AsBytes("abcd")).code(), Code::kResourceExhausted);
  }
  EXPECT_EQ(FilesIn(dir_.path()), 0u);
  {
    auto too_short = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(too_short->Append(AsBytes("ab")).ok());
    EXPECT_EQ(too_short->Finish().code(), Code::kDataLoss);
    auto abandoned = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(abandoned->Append(AsBytes("a")).ok());
  }
  // The longer one is kept to go on with.
  EXPECT_EQ(FilesIn(dir_.path()), 1u);
  EXPECT_EQ(folder_.PartialSize(abc_sha_).value(), 2u);
  EXPECT_EQ(folder_.Size(abc_sha_).status().code(), Code::kNotFound);
  EXPECT_EQ(folder_.StartUpload(abc_sha_, ArtifactFolder::kMaxArtifactBytes + 1).status().code(),
            Code::kResourceExhausted);
}

TEST_F(ArtifactFolderTest, LeftoversOfACrashCanGoOn) {
  const auto tmp = dir_.path() / "artifacts" / "tmp";
  std::ofstream(tmp / "half") << "x";
  std::ofstream(tmp / (abc_sha_ + ".17.1")) << "ab";
  ASSERT_TRUE(ArtifactFolder::Open(dir_.path() / "artifacts").ok());
  EXPECT_EQ(FilesIn(dir_.path()), 1u);
  EXPECT_EQ(folder_.PartialSize(abc_sha_).value(), 2u);
  auto upload = folder_.StartUpload(abc_sha_, 3, 2);
  ASSERT_TRUE(upload.ok()) << upload.status().message();
  EXPECT_TRUE(upload->Append(AsBytes("c")).ok());
  EXPECT_TRUE(upload->Finish().ok());
  EXPECT_EQ(AsText(folder_.Read(abc_sha_).value()), "abc");
  EXPECT_EQ(FilesIn(dir_.path()), 1u);
}

TEST_F(ArtifactFolderTest, GoesOnOnlyWhereBytesAre) {
  EXPECT_EQ(folder_.StartUpload(abc_sha_, 3, 1).status().code(), Code::kOutOfRange);
  EXPECT_EQ(folder_.StartUpload(abc_sha_, 3, 4).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(folder_.PartialSize("../x").status().code(), Code::kInvalidArgument);
  { EXPECT_TRUE(folder_.StartUpload(abc_sha_, 3)->Append(AsBytes("aX")).ok()); }
  // From the middle of what is there: the rest of it was wrong.
  auto upload = folder_.StartUpload(abc_sha_, 3, 1);
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE(upload->Append(AsBytes("bc")).ok());
  EXPECT_TRUE(upload->Finish().ok());
}

TEST_F(ArtifactFolderTest, AFullDiskKeepsNothing) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  {
    auto upload = folder_.StartUpload(abc_sha_, 10'000);
    EXPECT_TRUE(upload->Append(AsBytes(std::string(4000, 'x'))).ok());
    EXPECT_EQ(upload->Append(AsBytes(std::string(4000, 'x'))).code(), Code::kResourceExhausted);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(FilesIn(dir_.path()), 0u);
}

TEST_F(ArtifactFolderTest, OldAndTooManyBrokenUploadsAreForgotten) {
  const auto partial = dir_.path() / "artifacts" / "partial";
  const auto now = std::filesystem::file_time_type::clock::now();
  for (int age_h : {0, 1, 2, 30}) {
    const auto file = partial / std::to_string(age_h);
    std::ofstream(file) << "x";
    // Holes take no room on the disk of the test.
    std::filesystem::resize_file(file, PartialUploads::kMaxBytes * 2 / 5);
    std::filesystem::last_write_time(file, now - std::chrono::hours(age_h));
  }
  PartialUploads(partial).Trim();
  EXPECT_TRUE(std::filesystem::exists(partial / "0"));
  EXPECT_TRUE(std::filesystem::exists(partial / "1"));
  EXPECT_FALSE(std::filesystem::exists(partial / "2"));
  EXPECT_FALSE(std::filesystem::exists(partial / "30"));
}

TEST_F(ArtifactFolderTest, BytesChangedOnDiskAreNoticed) {
  ASSERT_TRUE(folder_.Put(AsBytes("abc")).ok());
  std::ofstream(dir_.path() / "artifacts" / abc_sha_.substr(0, 2) / abc_sha_.substr(2)) << "abX";
  EXPECT_EQ(folder_.Read(abc_sha_).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace tinyrig::server
