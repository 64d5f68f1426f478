// The serial line: whole under load, quiet when idle, broken on demand.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "agent/virtual/uart_noise.h"
#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using std::chrono::milliseconds;

std::string BulkPattern() {
  std::string bytes(100000, '\0');
  for (uint32_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + (i >> 8));
  return bytes;
}

// Bytes without those that are commands to the test firmware.
std::string Payload(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(' ' + (i * 11 + (i >> 6)) % 90);
  return bytes;
}

class VboardUart : public ::testing::Test {
 protected:
  VboardUart() : terminal_(board_.OpenTerminal()) {
    EXPECT_EQ(board_.LoadAndRun().exit_status, 0);
    EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo up\n");
  }
  RunningBoard board_;
  Terminal terminal_;
};

TEST_F(VboardUart, BulkArrivesWholeEvenWhenNobodyReadsForAWhile) {
  terminal_.Write("\x02");
  std::this_thread::sleep_for(milliseconds(700));  // more than a pty holds piles up meanwhile
  const std::string expected = BulkPattern();
  EXPECT_EQ(terminal_.Read(expected.size(), milliseconds(30000)), expected);
}

TEST_F(VboardUart, EverySentByteComesBack) {
  const std::string sent = Payload(20000);
  std::thread writer([&] { terminal_.Write(sent); });
  Terminal reader = board_.OpenTerminal();
  const std::string echoed = reader.Read(sent.size(), milliseconds(60000));
  writer.join();
  EXPECT_EQ(echoed, sent);
}

TEST_F(VboardUart, TerminalSurvivesItsClients) {
  for (int i = 0; i < 5; ++i) {
    Terminal client = board_.OpenTerminal();
    client.Write("again");
    EXPECT_EQ(client.Read(5), "again");
  }
}

TEST_F(VboardUart, BytesSentDuringAResetAreNotStuck) {
  EXPECT_EQ(board_.OpenOcd({"init", "reset halt"}).exit_status, 0);
  terminal_.Write("early");
  EXPECT_EQ(board_.OpenOcd({"init", "reset run"}).exit_status, 0);
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo up\n");
  EXPECT_EQ(terminal_.Read(5), "early");
}

TEST_F(VboardUart, IdleBoardCostsNoTime) {
  const auto ticks = [this] {
    std::ifstream stat("/proc/" + std::to_string(board_.process().pid()) + "/stat");
    std::string skipped;
    for (int i = 0; i < 13; ++i) stat >> skipped;
    int user = 0, system = 0;
    stat >> user >> system;
    return user + system;
  };
  const int before = ticks();
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_LE(ticks() - before, 5);  // of 100 a second
}

TEST_F(VboardUart, DroppedBytesAreThoseOfTheSeed) {
  board_.Fault("uart_drop", {{"rate", 0.2}, {"seed", 7}, {"to_board", 0}});
  const std::string sent = Payload(500);
  terminal_.Write(sent);
  const std::string got = terminal_.ReadQuiet();
  FaultSet faults;
  ASSERT_TRUE(faults.Apply(**FindFault("uart_drop"), {{"rate", 0.2}, {"seed", 7}}).ok());
  UartNoise noise(faults);
  const auto left = noise.Apply(
      Direction::kToHost, std::span(reinterpret_cast<const uint8_t*>(sent.data()), sent.size()));
  EXPECT_EQ(got, std::string(left.begin(), left.end()));
  EXPECT_LT(got.size(), 450u);
  EXPECT_EQ(board_.Control({{"cmd", "status"}})["uart_bytes_dropped"], sent.size() - got.size());
  board_.Control({{"cmd", "clear"}});
  terminal_.Write("whole");
  EXPECT_EQ(terminal_.Read(5), "whole");
}

TEST_F(VboardUart, FlippedBytesDifferInOneBit) {
  board_.Fault("uart_flip", {{"rate", 0.3}, {"seed", 3}, {"to_board", 0}});
  const std::string sent = Payload(400);
  terminal_.Write(sent);
  const std::string got = terminal_.Read(sent.size());
  ASSERT_EQ(got.size(), sent.size());
  int flipped = 0;
  for (size_t i = 0; i < sent.size(); ++i) {
    const auto difference = static_cast<uint8_t>(sent[i] ^ got[i]);
    EXPECT_LE(__builtin_popcount(difference), 1);
    flipped += difference != 0;
  }
  EXPECT_GT(flipped, 60);
  EXPECT_EQ(board_.Control({{"cmd", "status"}})["uart_bytes_flipped"], flipped);
}

TEST_F(VboardUart, StallHoldsTheLineForItsTime) {
  board_.Fault("uart_stall", {{"ms", 700}});
  const auto start = std::chrono::steady_clock::now();
  terminal_.Write("late");
  EXPECT_EQ(terminal_.Read(4), "late");
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_GT(waited, milliseconds(550));
  EXPECT_LT(waited, milliseconds(3000));
  EXPECT_TRUE(board_.Control({{"cmd", "status"}})["faults"].empty());  // over by itself
}

TEST_F(VboardUart, GarbageComesBeforeTheFirstWordsOfABoot) {
  board_.Fault("uart_garbage_at_boot", {{"bytes", 32}, {"seed", 5}});
  EXPECT_EQ(board_.OpenOcd({"init", "reset run"}).exit_status, 0);
  const std::string got = terminal_.ReadUntil("echo up\n");
  SeededRandom random(5);
  const auto garbage = random.Bytes(32);
  EXPECT_EQ(got, std::string(garbage.begin(), garbage.end()) + "echo up\n");
}

}  // namespace
}  // namespace tinyrig::agent::vboard
