#include "proto/device/rings.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "tests/integration/firmware/protocol_client.h"

/// The rings of a running board, used as a probe would use them: through its memory, while the core
/// runs. The board is woken by its doorbell alone.
namespace tinyrig::device {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr uint32_t kNvicSetPending = 0xE000E200;

/// The host's end.
class Rings {
 public:
  Rings(QemuBoard& board, uint32_t address) : board_(board), address_(address) {}

  /// Waits for the board's start.
  bool Find() {
    const auto deadline = steady_clock::now() + seconds(10);
    while (board_.ReadWord(address_) != kRingsMagic) {
      if (steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }

  RingControl Control() {
    RingControl control;
    const std::vector<uint8_t> bytes = board_.ReadBytes(address_, sizeof(control));
    std::memcpy(&control, bytes.data(), sizeof(control));
    return control;
  }

  void Use(uint32_t directions) {
    board_.WriteWord(address_ + offsetof(RingControl, active), directions);
  }

  void SetHead(uint32_t head) {
    board_.WriteWord(address_ + offsetof(RingControl, to_board.head), head);
  }

  void Ring() {
    const uint16_t irq = Control().doorbell_irq;
    board_.WriteWord(kNvicSetPending + irq / 32 * 4, 1u << irq % 32);
  }

  void Put(std::vector<uint8_t> bytes) {
    const auto ring = Control().to_board;
    ASSERT_LE(bytes.size(), ring.size - (ring.head - ring.tail));
    const uint32_t at = ring.head % ring.size;
    const size_t first = std::min<size_t>(bytes.size(), ring.size - at);
    board_.WriteBytes(ring.address + at, {bytes.begin(), bytes.begin() + first});
    if (first < bytes.size()) board_.WriteBytes(ring.address, {bytes.begin() + first, bytes.end()});
    SetHead(ring.head + static_cast<uint32_t>(bytes.size()));
    Ring();
  }

  /// Frames from the ring until one is complete.
  std::optional<FrameView> Receive() {
    const auto deadline = steady_clock::now() + seconds(30);
    while (steady_clock::now() < deadline) {
      while (at_ < received_.size()) {
        if (decoder_.Push(received_[at_++]) == FrameDecoder::Event::kFrame) return decoder_.frame();
      }
      Refill();
    }
    return std::nullopt;
  }

 private:
  void Refill() {
    const auto ring = Control().from_board;
    const uint32_t size = ring.head - ring.tail;
    received_.clear();
    at_ = 0;
    if (size == 0) {
      std::this_thread::sleep_for(milliseconds(2));
      return;
    }
    ASSERT_LE(size, ring.size);
    const std::vector<uint8_t> all = board_.ReadBytes(ring.address, ring.size);
    for (uint32_t i = 0; i < size; ++i) received_.push_back(all[(ring.tail + i) % ring.size]);
    board_.WriteWord(address_ + offsetof(RingControl, from_board.tail), ring.head);
  }

  QemuBoard& board_;
  uint32_t address_;
  FrameDecoder decoder_;
  std::vector<uint8_t> received_;
  size_t at_ = 0;
};

std::vector<uint8_t> HelloFrame(uint32_t token) {
  const HelloRequest request = {kProtocolVersion, 0, token};
  std::vector<uint8_t> bytes(kMaxEncoded);
  bytes.resize(EncodeFrame(FrameType::kHelloRequest, 0, 1, &request, sizeof(request), nullptr, 0,
                           bytes.data(), bytes.size()));
  return bytes;
}

void ExpectHello(const std::optional<FrameView>& frame, uint32_t token) {
  ASSERT_TRUE(frame) << "no answer";
  Hello hello;
  ASSERT_EQ(frame->type, FrameType::kHello);
  ASSERT_TRUE(ReadStruct(frame->payload, frame->size, &hello));
  EXPECT_EQ(hello.token, token);
}

class RingsInMemoryTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    bundle_ = ReadBundle(std::string(GetParam()) + "-reference");
    ASSERT_FALSE(bundle_.json.is_null());
    board_.emplace(MakeImage(bundle_, {}));
    ASSERT_TRUE(board_->alive());
    rings_.emplace(*board_, bundle_.json.at("rings_address").get<uint32_t>());
    ASSERT_TRUE(rings_->Find());
  }

  std::optional<FrameView> FromUart() { return board_->Receive(steady_clock::now() + seconds(30)); }

  Bundle bundle_;
  std::optional<QemuBoard> board_;
  std::optional<Rings> rings_;
};

TEST_P(RingsInMemoryTest, LieOutsideTheArenaAndSayHowToRing) {
  const RingControl control = rings_->Control();
  EXPECT_EQ(control.version, kRingsVersion);
  EXPECT_EQ(control.active, 0u);
  EXPECT_NE(control.doorbell_irq, kNoDoorbell);
  EXPECT_EQ(control.to_board.size, 4096u);
  EXPECT_EQ(control.from_board.size, 1024u);
  const auto arena = bundle_.json.at("arena_address").get<uint32_t>();
  for (const Ring& ring : {control.to_board, control.from_board}) {
    EXPECT_GE(ring.address, 0x20000000u);
    EXPECT_LE(ring.address + ring.size, arena);
  }
}

TEST_P(RingsInMemoryTest, HelloComesBackByTheWayThatWasChosen) {
  rings_->Use(kRingToBoard);
  rings_->Put(HelloFrame(1));
  ExpectHello(FromUart(), 1);

  rings_->Use(kRingToBoard | kRingFromBoard);
  // More than the ring is long, so that both ends wrap.
  for (uint32_t token = 2; token < 302; ++token) {
    rings_->Put(HelloFrame(token));
    ExpectHello(rings_->Receive(), token);
    if (HasFailure()) return;
  }

  rings_->Use(kRingFromBoard);
  const std::vector<uint8_t> frame = HelloFrame(400);
  board_->Send(frame.data(), frame.size());
  ExpectHello(rings_->Receive(), 400);
}

TEST_P(RingsInMemoryTest, SleepsUntilTheDoorbellRings) {
  rings_->Use(kRingToBoard | kRingFromBoard);
  rings_->Put(HelloFrame(1));
  ExpectHello(rings_->Receive(), 1);
  // Noise on the unused link must not keep it awake.
  const uint8_t noise[] = {1, 2, 3};
  board_->Send(noise, sizeof(noise));
  std::this_thread::sleep_for(milliseconds(200));
  const auto before = board_->CpuTime();
  std::this_thread::sleep_for(seconds(2));
  EXPECT_LT((board_->CpuTime() - before).count(), 500);
  rings_->Put(HelloFrame(2));
  ExpectHello(rings_->Receive(), 2);
}

TEST_P(RingsInMemoryTest, NonsensePositionsAreSurvived) {
  rings_->Use(kRingToBoard | kRingFromBoard);
  const uint32_t tail = rings_->Control().to_board.tail;
  for (uint32_t head : {tail + 4097, tail + 0x80000000, tail - 1, 0xFFFFFFFFu}) {
    rings_->SetHead(head);
    rings_->Ring();
    const auto deadline = steady_clock::now() + seconds(10);
    while (rings_->Control().to_board.tail != head && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    rings_->Put(HelloFrame(head));
    ExpectHello(rings_->Receive(), head);
  }
}

INSTANTIATE_TEST_SUITE_P(All, RingsInMemoryTest, testing::ValuesIn(kPorts),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tinyrig::device
