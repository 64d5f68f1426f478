#include "server/model/bundle.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tinyrig::server {
namespace {

nlohmann::json GoodBundle() {
  return nlohmann::json::parse(R"({
    "port": "virtual_m4", "kernels": "dsp", "build_id": "ab12", "load_address": 0, "firmware_size": 1000,
    "firmware_crc32c": 4000000000, "blob_address": 262144, "blob_limit": 786432, "arena_address": 536870912,
    "arena_limit": 200000, "mailbox_address": 536900000, "rings_address": 536900100,
    "board_type": {"name": "virtual_m4", "core": "m4", "fidelity": "emulated", "counter": "instructions",
                   "clock_hz": 15625000, "ram_bytes": 262144, "flash_bytes": 1048576},
    "flash": {"core": 300, "kernels": {"conv_2d": 200, "softmax": 100}, "rig": 400},
    "kernel_parts": [{"name": ".text.Conv", "bytes": 200}, {"name": ".text.Softmax", "bytes": 100}],
    "kernel_forms": [{"kind": 1, "form": 2, "parts": [0]}, {"kind": 7, "form": 0, "parts": [0, 1]}],
    "ram": {"runtime_static": 16, "stack_reserved": 4096, "rig": 3000}})");
}

TEST(Bundle, ReadsEveryField) {
  const auto bundle = ParseBundle(GoodBundle().dump());
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  EXPECT_EQ(bundle->Name(), "virtual_m4-dsp");
  EXPECT_EQ(bundle->firmware_crc32c, 4000000000u);
  EXPECT_EQ(bundle->blob_address, 0x40000u);
  EXPECT_EQ(bundle->board_type.fidelity(), v1::FIDELITY_EMULATED);
  EXPECT_EQ(bundle->kernel_parts, (std::vector<uint32_t>{200, 100}));
  EXPECT_EQ(bundle->kernel_forms.at({1, 2}), (std::vector<uint32_t>{0}));
  EXPECT_EQ(bundle->kernel_forms.at({7, 0}), (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(bundle->ram_rig, 3000u);
  EXPECT_EQ(bundle->rings_address, 536900100u);
}

TEST(Bundle, RingsMayBeAbsent) {
  nlohmann::json old = GoodBundle();
  old.erase("rings_address");
  const auto bundle = ParseBundle(old.dump());
  ASSERT_TRUE(bundle.ok()) << bundle.status().ToString();
  EXPECT_EQ(bundle->rings_address, 0u);
}

TEST(Bundle, EveryMissingOrWrongFieldIsNamed) {
  const nlohmann::json flat = GoodBundle().flatten();
  for (const auto& [pointer, value] : flat.items()) {
    // The agent's business, or for people.
    if (pointer == "/arena_address" || pointer.starts_with("/flash/kernels/") ||
        pointer.ends_with("/name")) {
      continue;
    }
    for (const nlohmann::json& wrong :
         {nlohmann::json(-1), nlohmann::json::array(), nlohmann::json(nullptr)}) {
      nlohmann::json broken = GoodBundle();
      broken[nlohmann::json::json_pointer(pointer)] = wrong;
      const Status status = ParseBundle(broken.dump()).status();
      EXPECT_EQ(status.code(), Code::kInvalidArgument) << pointer;
      EXPECT_NE(status.message().find(pointer), std::string::npos) << status.message();
    }
  }
  EXPECT_FALSE(ParseBundle("{").ok());
  EXPECT_FALSE(ParseBundle("[]").ok());
}

TEST(Catalog, FindsByBoardTypeAndKernelsAndRefusesDoubles) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(*ParseBundle(GoodBundle().dump())).ok());
  EXPECT_EQ(catalog.Add(*ParseBundle(GoodBundle().dump())).code(), Code::kAlreadyExists);
  nlohmann::json reference = GoodBundle();
  reference["kernels"] = "reference";
  ASSERT_TRUE(catalog.Add(*ParseBundle(reference.dump())).ok());
  EXPECT_NE(catalog.Find("virtual_m4", "reference"), nullptr);
  EXPECT_EQ(catalog.Find("virtual_m7", "reference"), nullptr);
  EXPECT_EQ(catalog.BoardTypes().size(), 1u);
}

}  // namespace
}  // namespace tinyrig::server
