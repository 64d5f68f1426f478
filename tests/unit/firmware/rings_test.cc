#include "firmware/protocol/rings.h"

#include <atomic>
#include <random>
#include <thread>

#include "firmware/protocol/fault.h"
#include "tests/unit/firmware/session_host.h"

/// The board's end of the rings, with the test in the place of the debug probe.
namespace tinyrig::device {
namespace {

RingControl& Words() { return tinyrig_rings.control; }
uint32_t Load(uint32_t& word) { return std::atomic_ref(word).load(std::memory_order_acquire); }
void Store(uint32_t& word, uint32_t value) {
  std::atomic_ref(word).store(value, std::memory_order_release);
}

class BoardRingsTest : public SessionHost {
 protected:
  void SetUp() override {
    SessionHost::SetUp();
    InitRings();
  }

  static void UseRings(uint32_t directions) { Store(Words().active, directions); }

  static void PutRing(const std::vector<uint8_t>& bytes) {
    Ring& ring = Words().to_board;
    ASSERT_LE(bytes.size() + (ring.head - ring.tail), ring.size);
    uint32_t head = ring.head;
    for (uint8_t byte : bytes) tinyrig_rings.to_board[head++ % ring.size] = byte;
    Store(ring.head, head);
  }

  static std::vector<uint8_t> TakeRing() {
    Ring& ring = Words().from_board;
    std::vector<uint8_t> bytes;
    uint32_t tail = ring.tail;
    for (const uint32_t head = Load(ring.head); tail != head;) {
      bytes.push_back(tinyrig_rings.from_board[tail++ % ring.size]);
    }
    Store(ring.tail, tail);
    return bytes;
  }

  /// Frames that came through the ring, after the board has nothing left to do.
  std::vector<Frame> RingFrames() {
    EXPECT_TRUE(Run().empty());
    port::Board().sent = TakeRing();
    return TakeFrames();
  }
};

TEST_F(BoardRingsTest, StartLeavesThemEmptyDescribedAndUnused) {
  Words() = {.magic = 7,
             .version = 9,
             .doorbell_irq = 9,
             .active = 3,
             .to_board = {1, 2, 3, 4},
             .from_board = {5, 6, 7, 8}};
  InitRings();
  EXPECT_EQ(Words().magic, kRingsMagic);
  EXPECT_EQ(Words().version, kRingsVersion);
  EXPECT_EQ(Words().doorbell_irq, 17);
  EXPECT_EQ(Words().active, 0u);
  EXPECT_EQ(Words().to_board.size, sizeof(tinyrig_rings.to_board));
  EXPECT_EQ(Words().to_board.address,
            static_cast<uint32_t>(reinterpret_cast<uintptr_t>(tinyrig_rings.to_board)));
  EXPECT_EQ(Words().to_board.head, Words().to_board.tail);
  EXPECT_EQ(Words().from_board.size, sizeof(tinyrig_rings.from_board));
  EXPECT_EQ(Words().from_board.address,
            static_cast<uint32_t>(reinterpret_cast<uintptr_t>(tinyrig_rings.from_board)));
  EXPECT_EQ(Words().from_board.head, Words().from_board.tail);
}

TEST_F(BoardRingsTest, EachDirectionIsChosenApart) {
  UseRings(kRingToBoard);
  PutRing(HelloFrame(1));
  std::vector<Frame> frames = Run();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<Hello>().token, 1u);
  EXPECT_TRUE(TakeRing().empty());

  UseRings(kRingFromBoard);
  Put(HelloFrame(2));
  frames = RingFrames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<Hello>().token, 2u);

  UseRings(kRingToBoard | kRingFromBoard);
  PutRing(HelloFrame(3));
  frames = RingFrames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<Hello>().token, 3u);

  UseRings(0);
  frames = Exchange(HelloFrame(4));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(TakeRing().empty());
}

TEST_F(BoardRingsTest, PositionsWrapAtTheEndOfBufferAndOfTheWord) {
  for (Ring* ring : {&Words().to_board, &Words().from_board}) {
    ring->head = ring->tail = 0xFFFFF000 + 5;
  }
  UseRings(kRingToBoard | kRingFromBoard);
  for (uint32_t token = 0; token < 1000; ++token) {
    PutRing(HelloFrame(token));
    const std::vector<Frame> frames = RingFrames();
    ASSERT_EQ(frames.size(), 1u) << token;
    ASSERT_EQ(frames[0].As<Hello>().token, token);
  }
  EXPECT_LT(Words().to_board.head, 0x10000u);
}

TEST_F(BoardRingsTest, FramesLargerThanTheRingWaitForTheHost) {
  constexpr uint32_t kBytes = 1200;
  port::Board().blob = TinyBlob(kBytes);
  Request request = StartRequest();
  request.kind.start.input_bytes = kBytes;
  request.kind.start.send_outputs = true;
  StartOk(request);
  std::vector<uint8_t> vector(kBytes);
  for (size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<uint8_t>(i * 31);

  UseRings(kRingToBoard | kRingFromBoard);
  PutRing(ChunkFrame({kNonce, 0, 0}, {vector.begin(), vector.begin() + 1000}, false));
  PutRing(ChunkFrame({kNonce, 0, 1000}, {vector.begin() + 1000, vector.end()}, true));
  std::atomic<bool> done = false;
  std::vector<uint8_t> received;
  std::thread host([&] {
    bool last = false;
    while (!last) {
      last = done;
      const std::vector<uint8_t> bytes = TakeRing();
      received.insert(received.end(), bytes.begin(), bytes.end());
    }
  });
  EXPECT_TRUE(Run().empty());
  done = true;
  host.join();
  EXPECT_GT(received.size(), kBytes);
  port::Board().sent = received;
  const std::vector<Frame> frames = TakeFrames();
  ASSERT_EQ(frames.size(), 4u);  // acknowledgement, result, two of output
  std::vector<uint8_t> output;
  for (const Frame& frame : {frames[2], frames[3]}) {
    ASSERT_EQ(frame.type, FrameType::kOutput);
    output.insert(output.end(), frame.payload.begin() + sizeof(OutputChunk), frame.payload.end());
  }
  EXPECT_EQ(output, vector);
}

TEST_F(BoardRingsTest, WritingEndsWhenTheHostTakesTheFullRingAway) {
  const std::vector<uint8_t> bytes(kFromBoardBytes, 0x55);
  WriteRing(bytes.data(), bytes.size());
  WriteRing(bytes.data(), 1);  // The ring is full, and not active: this must come back.
  EXPECT_EQ(Words().from_board.head - Words().from_board.tail, kFromBoardBytes);
}

TEST_F(BoardRingsTest, HalfAFrameIsForgottenWhenTheDirectionChanges) {
  const std::vector<uint8_t> frame = HelloFrame(1);
  Put({frame.begin(), frame.begin() + 7});
  EXPECT_TRUE(Run().empty());
  UseRings(kRingToBoard);
  PutRing(frame);
  EXPECT_EQ(Run().size(), 1u);
  PutRing({frame.begin(), frame.begin() + 7});
  EXPECT_TRUE(Run().empty());
  UseRings(0);
  EXPECT_EQ(Exchange(frame).size(), 1u);
  EXPECT_EQ(transport_.decoder().bad_frames(), 0u);
}

TEST_F(BoardRingsTest, BytesOnTheUnusedLinkAreDropped) {
  UseRings(kRingToBoard);
  Put(HelloFrame(1));
  EXPECT_TRUE(Run().empty());
  // Left there, they would keep the board awake for ever.
  EXPECT_TRUE(port::Board().received.empty());
}

TEST_F(BoardRingsTest, FaultIsToldWhereTheHostListens) {
  UseRings(kRingToBoard | kRingFromBoard);
  Fault fault{};
  fault.pc = 0x1234;
  PutRing(ChunkFrame({kNonce, 0, 0}, {}, true));
  EXPECT_TRUE(StepAfterFault(transport_, fault));
  EXPECT_TRUE(port::Board().sent.empty());
  port::Board().sent = TakeRing();
  const std::vector<Frame> frames = TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, FrameType::kFault);
  EXPECT_EQ(frames[0].As<Fault>().pc, 0x1234u);
}

TEST_F(BoardRingsTest, ImpossiblePositionsEmptyTheRing) {
  UseRings(kRingToBoard);
  Words().to_board.head = Words().to_board.tail + kToBoardBytes + 1;
  EXPECT_TRUE(Run().empty());
  EXPECT_EQ(Words().to_board.head, Words().to_board.tail);
  PutRing(HelloFrame(9));
  EXPECT_EQ(Run().size(), 1u);
}

TEST_F(BoardRingsTest, NothingOutsideTheBuffersIsTouched) {
  std::mt19937 random(3);
  std::vector<uint8_t> bytes(3 * kFromBoardBytes, 0xAB);
  for (int round = 0; round < 20000; ++round) {
    // Of a control block that is all nonsense, addresses and sizes included.
    for (Ring* ring : {&Words().to_board, &Words().from_board}) {
      *ring = {static_cast<uint32_t>(random()), static_cast<uint32_t>(random()),
               static_cast<uint32_t>(random()), static_cast<uint32_t>(random())};
      if (random() % 2) ring->head = ring->tail + random() % (3 * kToBoardBytes);
    }
    const std::span<const uint8_t> peeked = PeekRing();
    if (!peeked.empty()) {
      ASSERT_GE(peeked.data(), tinyrig_rings.to_board);
      ASSERT_LE(peeked.data() + peeked.size(), tinyrig_rings.to_board + kToBoardBytes);
    }
    const RingMemory before = tinyrig_rings;
    Words().active = 0;
    WriteRing(bytes.data(), 1 + random() % bytes.size());
    RingMemory after = tinyrig_rings;
    ASSERT_LE(after.control.from_board.head - after.control.from_board.tail, kFromBoardBytes);
    after.control.from_board.head = before.control.from_board.head;
    after.control.active = before.control.active;
    ASSERT_EQ(0, std::memcmp(&after.control, &before.control, sizeof(before.control)));
    ASSERT_EQ(0, std::memcmp(after.to_board, before.to_board, sizeof(before.to_board)));
  }
}

}  // namespace
}  // namespace tinyrig::device
