#include "agent/drivers/probe_memory/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>

namespace tinyrig::agent::probe_memory {
namespace {

using Bytes = std::vector<uint8_t>;

/// A ring of 64 bytes at 0x100, in memory that the steps act on.
class RingMemory {
 public:
  explicit RingMemory(uint32_t position) { ring = {0x100, 64, position, position}; }

  void Write(const std::vector<MemoryAccess>& steps) {
    for (const MemoryAccess& step : steps) {
      ASSERT_GE(step.address, ring.address);
      ASSERT_LE(step.address + step.bytes.size(), ring.address + ring.size);
      std::memcpy(bytes.data() + step.address - ring.address, step.bytes.data(), step.bytes.size());
    }
  }
  std::vector<uint32_t> Read(const std::vector<MemoryAccess>& steps) {
    std::vector<uint32_t> words;
    for (const MemoryAccess& step : steps) {
      EXPECT_EQ(step.address % 4, 0u);
      EXPECT_LE(step.address + 4 * step.words, ring.address + ring.size) << "outside the ring";
      for (uint32_t i = 0; i < step.words; ++i) {
        uint32_t word = 0;
        std::memcpy(&word, bytes.data() + step.address - ring.address + 4 * i, 4);
        words.push_back(word);
      }
    }
    return words;
  }

  device::Ring ring{};
  std::array<uint8_t, 64> bytes{};
};

TEST(Ring, WhatIsWrittenIsReadFromEveryPositionAndSize) {
  // Around the ring's end and around 2^32.
  for (uint32_t position : {0u, 1u, 37u, 63u, 64u, 0xFFFFFFE1u}) {
    for (uint32_t size = 1; size <= 64; ++size) {
      RingMemory memory(position);
      Bytes bytes(size);
      std::iota(bytes.begin(), bytes.end(), uint8_t{1});
      std::vector<MemoryAccess> writes, reads;
      AddWrites(memory.ring, bytes, writes);
      memory.Write(writes);
      memory.ring.head += size;
      EXPECT_EQ(Used(memory.ring), size);
      AddReads(memory.ring, size, reads);
      EXPECT_EQ(TakeBytes(memory.ring, size, memory.Read(reads)), bytes) << position << " " << size;
    }
  }
}

std::vector<uint32_t> Words(const device::RingControl& control) {
  std::vector<uint32_t> words(kControlWords);
  std::memcpy(words.data(), &control, sizeof(control));
  return words;
}

TEST(Ring, ControlIsCheckedBeforeItIsBelieved) {
  device::RingControl control{};
  EXPECT_EQ(ParseControl(Words(control)).status().code(), Code::kUnavailable);
  EXPECT_EQ(ParseControl({}).status().code(), Code::kUnavailable);
  control.magic = device::kRingsMagic;
  control.version = device::kRingsVersion;
  control.to_board = {0x20000000, 4096, 5, 5};
  control.from_board = {0x20001000, 1024, 0, 0};
  ASSERT_TRUE(ParseControl(Words(control)).ok());
  EXPECT_EQ(ParseControl(Words(control))->to_board.head, 5u);
  control.to_board.size = 4095;
  EXPECT_EQ(ParseControl(Words(control)).status().code(), Code::kFailedPrecondition);
  control.to_board.size = 4096;
  control.version = 9;
  EXPECT_EQ(ParseControl(Words(control)).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace tinyrig::agent::probe_memory
