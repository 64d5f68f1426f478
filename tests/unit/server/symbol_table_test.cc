#include "server/model/symbol_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/model/sha256.h"

namespace tinyrig::server {
namespace {

class SymbolTableTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(Build(), nullptr)
        << "TINYRIG_BUILD_DIR must name the build folder, whose firmware is read here";
    ASSERT_TRUE(std::filesystem::exists(Path("virtual_m4-dsp.elf")))
        << "there is no firmware in TINYRIG_BUILD_DIR; build the target firmware_bundles";
  }

  static const char* Build() { return std::getenv("TINYRIG_BUILD_DIR"); }
  static std::string Path(const std::string& name) {
    return std::string(Build()) + "/share/tinyrig/firmware/" + name;
  }
  static std::string Read(const std::string& name) {
    std::stringstream bytes;
    bytes << std::ifstream(Path(name), std::ios::binary).rdbuf();
    EXPECT_FALSE(bytes.str().empty()) << name;
    return bytes.str();
  }
};

TEST_F(SymbolTableTest, NamesTheResetHandlerThatTheVectorTablePointsTo) {
  const std::string image = Read("virtual_m4-dsp.bin");
  uint32_t reset = 0;
  ASSERT_GE(image.size(), 8u);
  std::memcpy(&reset, image.data() + 4, sizeof(reset));
  ASSERT_EQ(reset & 1, 1u) << "a Thumb address";
  const SymbolTable symbols = SymbolTable::FromElf(AsBytes(Read("virtual_m4-dsp.elf")));
  EXPECT_EQ(symbols.NameOf(reset), "Reset_Handler + 0x0");
  EXPECT_EQ(symbols.NameOf(reset + 4), "Reset_Handler + 0x4");
  EXPECT_EQ(symbols.NameOf(0xFFFFFFFF), "");
  EXPECT_EQ(symbols.NameOf(0x20000000), "") << "data has no function";
}

TEST_F(SymbolTableTest, ReadsProgramsOfTheHostToo) {
  const std::string elf = Read("native-dsp.elf");
  const SymbolTable symbols = SymbolTable::FromElf(AsBytes(elf));
  uint64_t entry = 0;
  ASSERT_GE(elf.size(), 32u);
  std::memcpy(&entry, elf.data() + 24, sizeof(entry));
  EXPECT_EQ(symbols.NameOf(static_cast<uint32_t>(entry) + 1), "_start + 0x1") << "no Thumb there";
  EXPECT_GT(symbols.size(), 50u);
}

TEST_F(SymbolTableTest, WritesNamesAsInTheSource) {
  const SymbolTable symbols = SymbolTable::FromElf(AsBytes(Read("virtual_m4-dsp.elf")));
  bool demangled = false;
  for (uint32_t address = 0; address < 0x10000; address += 2) {
    const std::string name = symbols.NameOf(address);
    EXPECT_FALSE(name.starts_with("_ZN")) << name;
    demangled |= name.starts_with("tinyrig::");
  }
  EXPECT_TRUE(demangled);
}

TEST_F(SymbolTableTest, ADamagedFileGivesNoNamesAndNoCrash) {
  EXPECT_EQ(SymbolTable::FromElf({}).size(), 0u);
  for (const char* file : {"virtual_m4-dsp.elf", "native-dsp.elf"}) {
    const std::string whole = Read(file);
    for (size_t size = 0; size < whole.size(); size += 997) {
      SymbolTable::FromElf(AsBytes(std::string_view(whole).substr(0, size))).NameOf(0x400);
    }
    // Every field of the header, and of what follows it, with all bits set; then the sections'.
    std::string damaged = whole;
    const auto damage = [&](size_t at) {
      damaged[at] = '\xff';
      SymbolTable::FromElf(AsBytes(damaged)).NameOf(0x400);
      damaged[at] = whole[at];
    };
    for (size_t at = 0; at < 2000; ++at) damage(at);
    for (size_t at = whole.size() - 1000; at < whole.size(); ++at) damage(at);
  }
}

}  // namespace
}  // namespace tinyrig::server
