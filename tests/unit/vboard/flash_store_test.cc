#include "agent/virtual/flash_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace tinyrig::agent::vboard {
namespace {

class FlashStoreTest : public ::testing::Test {
 protected:
  FlashStoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vbfXXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/flash.bin";
  }
  ~FlashStoreTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
  std::string path_;
};

TEST_F(FlashStoreTest, NewFlashIsErased) {
  FlashStore store;
  ASSERT_TRUE(store.Open(path_, 4096).ok());
  EXPECT_EQ(store.cells().size(), 4096u);
  EXPECT_EQ(std::ranges::count(store.cells(), 0xFF), 4096);
}

TEST_F(FlashStoreTest, ChangesAreInTheFileAtOnce) {
  FlashStore store;
  ASSERT_TRUE(store.Open(path_, 4096).ok());
  store.cells()[17] = 0x42;
  FlashStore other;  // what another process sees, without any goodbye of the first
  ASSERT_TRUE(other.Open(path_, 4096).ok());
  EXPECT_EQ(other.cells()[17], 0x42);
  EXPECT_EQ(other.cells()[18], 0xFF);
}

TEST_F(FlashStoreTest, FileOfAnotherSizeIsRefused) {
  std::ofstream(path_) << "short";
  FlashStore store;
  const Status status = store.Open(path_, 4096);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("remove the file"));
  EXPECT_TRUE(store.cells().empty());
  EXPECT_EQ(FlashStore().Open(directory_ + "/none/flash.bin", 4096).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
