#include "server/store/artifact_folder.h"

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

TEST_F(ArtifactFolderTest, NothingIsKeptOfABadUpload) {
  {
    auto wrong = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(wrong->Append(AsBytes("abd")).ok());
    EXPECT_EQ(wrong->Finish().code(), Code::kDataLoss);
    auto too_short = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(too_short->Append(AsBytes("ab")).ok());
    EXPECT_EQ(too_short->Finish().code(), Code::kDataLoss);
    auto too_long = folder_.StartUpload(abc_sha_, 3);
    EXPECT_EQ(too_long->Append(AsBytes("abcd")).code(), Code::kResourceExhausted);
    auto abandoned = folder_.StartUpload(abc_sha_, 3);
    EXPECT_TRUE(abandoned->Append(AsBytes("a")).ok());
  }
  EXPECT_EQ(FilesIn(dir_.path()), 0u);
  EXPECT_EQ(folder_.StartUpload(abc_sha_, ArtifactFolder::kMaxArtifactBytes + 1).status().code(),
            Code::kResourceExhausted);
}

TEST_F(ArtifactFolderTest, LeftoversOfACrashAreRemovedAtOpen) {
  std::ofstream(dir_.path() / "artifacts" / "tmp" / "half") << "x";
  ASSERT_TRUE(ArtifactFolder::Open(dir_.path() / "artifacts").ok());
  EXPECT_EQ(FilesIn(dir_.path()), 0u);
}

TEST_F(ArtifactFolderTest, BytesChangedOnDiskAreNoticed) {
  ASSERT_TRUE(folder_.Put(AsBytes("abc")).ok());
  std::ofstream(dir_.path() / "artifacts" / abc_sha_.substr(0, 2) / abc_sha_.substr(2)) << "abX";
  EXPECT_EQ(folder_.Read(abc_sha_).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace tinyrig::server
