#include <random>

#include "firmware/protocol/fault.h"
#include "proto/device/crc32c.h"
#include "proto/device/fnv1a.h"
#include "proto/device/paint.h"
#include "proto/status/code.h"
#include "tests/unit/firmware/session_host.h"

namespace tinyrig::device {
namespace {

uint32_t CrcOf(const std::vector<uint8_t>& bytes) { return Crc32c(bytes.data(), bytes.size()); }

TEST_F(SessionHost, HelloTellsWhatIsInMemoryNow) {
  port::Board().mailbox = 0xCAFE;
  std::vector<Frame> frames = Exchange(HelloFrame(0x1234));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, FrameType::kHello);
  EXPECT_EQ(frames[0].sequence, 5);
  auto hello = frames[0].As<Hello>();
  EXPECT_EQ(hello.magic, kHelloMagic);
  EXPECT_EQ(hello.token, 0x1234u);
  EXPECT_EQ(hello.mailbox_word, 0xCAFEu);
  EXPECT_EQ(hello.code_size, 5u);
  EXPECT_EQ(hello.code_crc32c, CrcOf(port::Board().code));
  const std::vector<uint64_t> blob = TinyBlob(kInputBytes);
  EXPECT_EQ(hello.blob_size, 176u);
  EXPECT_EQ(hello.blob_crc32c, Crc32c(blob.data(), hello.blob_size));
  EXPECT_EQ(std::string(hello.port), "fake");
  EXPECT_EQ(std::string(hello.kernels), "reference");
  EXPECT_EQ(0, std::memcmp(hello.mcu_uid, "unique id 12", 12));
  EXPECT_EQ(hello.build_id[0], 0xB1);
  EXPECT_EQ(hello.arena_limit, 4096u);
  EXPECT_EQ(hello.rx_window, 2048);

  port::Board().code[2] ^= 1;
  frames = Exchange(HelloFrame(1));
  EXPECT_NE(frames.at(0).As<Hello>().code_crc32c, hello.code_crc32c);
}

TEST_F(SessionHost, HelloWithoutPlausibleBlobSaysZero) {
  runtime::BlobHeader header;
  std::memcpy(&header, port::Board().blob.data(), sizeof(header));
  for (const auto& [magic, size] : {std::pair<uint32_t, uint32_t>{0, 156},
                                    {runtime::kBlobMagic, 0},
                                    {runtime::kBlobMagic, 63},
                                    {runtime::kBlobMagic, 513},
                                    {runtime::kBlobMagic, 0xFFFFFFFF}}) {
    header.magic = magic;
    header.total_bytes = size;
    std::memcpy(port::Board().blob.data(), &header, sizeof(header));
    const auto hello = Exchange(HelloFrame(1)).at(0).As<Hello>();
    EXPECT_EQ(hello.blob_size, 0u) << size;
    EXPECT_EQ(hello.blob_crc32c, 0u);
    EXPECT_EQ(Control(StartRequest(), static_cast<uint16_t>(size)).code,
              static_cast<uint32_t>(Code::kInvalidArgument));
  }
}

TEST_F(SessionHost, StartTellsSizesAndPaints) {
  const Reply reply = Control(StartRequest());
  EXPECT_EQ(reply.code, 0u);
  ASSERT_EQ(reply.which_kind, tinyrig_device_pb_Reply_started_tag);
  const Started& started = reply.kind.started;
  EXPECT_EQ(started.input_bytes, kInputBytes);
  EXPECT_EQ(started.output_bytes, kInputBytes);
  EXPECT_EQ(started.arena_bytes, 80u);
  EXPECT_EQ(started.arena_limit, 4096u);
  EXPECT_EQ(started.stack_bytes, 1024u);
  EXPECT_EQ(started.prepare_ticks, 100u);
  EXPECT_EQ(port::Board().stack_nonce, kNonce);
  uint32_t address = started.arena_address;
  for (std::byte byte : std::as_bytes(std::span(port::Board().arena))) {
    ASSERT_EQ(static_cast<uint8_t>(byte), PaintByte(kNonce, address++));
  }

  Request other = StartRequest();
  other.kind.start.nonce ^= 1;
  Control(other, 2);
  EXPECT_EQ(port::Board().stack_nonce, kNonce ^ 1);
  address = started.arena_address;
  for (std::byte byte : std::as_bytes(std::span(port::Board().arena))) {
    ASSERT_EQ(static_cast<uint8_t>(~static_cast<uint8_t>(byte)), PaintByte(kNonce, address++));
  }
}

TEST_F(SessionHost, StagedInputLiesBetweenCanaries) {
  const Reply reply = Control(StartRequest());
  RunVector(0, Vector(7));
  const auto arena = std::as_bytes(std::span(port::Board().arena));
  const uint32_t arena_bytes = reply.kind.started.arena_bytes;
  const uint64_t staged = StagedOffset(arena_bytes);
  ASSERT_GE(staged, arena_bytes + kCanaryBytes);
  EXPECT_EQ(0, std::memcmp(arena.data() + staged, Vector(7).data(), kInputBytes));
  for (uint64_t at = arena_bytes; at < arena.size(); ++at) {
    if (at >= staged && at < staged + kInputBytes) continue;
    const auto address = static_cast<uint32_t>(reply.kind.started.arena_address + at);
    ASSERT_EQ(static_cast<uint8_t>(arena[at]), PaintByte(kNonce, address)) << at;
  }
}

TEST_F(SessionHost, StartRefusesBadSizes) {
  uint16_t sequence = 1;
  const auto code_after = [&](auto change) {
    Request request = StartRequest();
    change(request.kind.start);
    const auto code = static_cast<Code>(Control(request, sequence++).code);
    // No session: a chunk finds none.
    EXPECT_EQ(session_.nonce(), 0u);
    return code;
  };
  EXPECT_EQ(code_after([](Start& s) { s.input_bytes = 39; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.input_bytes = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.input_bytes = 0xFFFFFFFF; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.nonce = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.warmup = 1001; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.repetitions = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_after([](Start& s) { s.repetitions = 100001; }), Code::kInvalidArgument);
}

TEST_F(SessionHost, StartPassesOnWhatPrepareFinds) {
  port::Board().blob[5] ^= 1;
  EXPECT_EQ(Control(StartRequest()).code, static_cast<uint32_t>(Code::kDataLoss));
  port::Board().blob = TinyBlob(2048);
  EXPECT_EQ(Control(StartRequest(), 2).code, static_cast<uint32_t>(Code::kResourceExhausted));
  // Fits as an arena of 3072 bytes, but not with 1536 bytes of input behind it.
  port::Board().blob = TinyBlob(1536);
  const Reply reply = Control(StartRequest(), 3);
  EXPECT_EQ(reply.code, static_cast<uint32_t>(Code::kResourceExhausted));
  EXPECT_EQ(reply.kind.started.arena_bytes, 3072u);
  EXPECT_EQ(reply.kind.started.input_bytes, 1536u);
}

TEST_F(SessionHost, RunsAVectorSentInChunks) {
  StartOk();
  const std::vector<uint8_t> vector = Vector(3);
  std::vector<Frame> frames =
      Exchange(ChunkFrame({kNonce, 9, 0}, {vector.begin(), vector.begin() + 30}, false));
  ASSERT_EQ(frames.size(), 1u);
  auto ack = frames[0].As<ChunkAck>();
  EXPECT_EQ(ack.code, 0);
  EXPECT_EQ(ack.vector_index, 9u);
  EXPECT_EQ(ack.next_offset, 30u);
  EXPECT_EQ(frames[0].sequence, 6);

  frames = Exchange(ChunkFrame({kNonce, 9, 30}, {vector.begin() + 30, vector.end()}, true));
  ASSERT_EQ(frames.size(), 1u);
  const auto result = frames[0].As<InferenceResult>();
  EXPECT_EQ(result.nonce, kNonce);
  EXPECT_EQ(result.vector_set_crc32c, 0xABCDu);
  EXPECT_EQ(result.vector_index, 9u);
  EXPECT_EQ(result.repetition, 0u);
  EXPECT_EQ(result.input_crc32c, CrcOf(vector));
  EXPECT_EQ(result.output_crc32c, CrcOf(vector));
  EXPECT_EQ(result.output_size, 0u);
  EXPECT_EQ(result.ticks, 200u);
  EXPECT_EQ(result.phase, static_cast<uint8_t>(Phase::kTimed));
  EXPECT_EQ(port::Board().sent_in_window, 0u);
}

TEST_F(SessionHost, WarmsUpOnceThenRepeats) {
  Request request = StartRequest(3);
  request.kind.start.warmup = 2;
  StartOk(request);
  std::vector<Frame> frames = RunVector(0, Vector(1));
  ASSERT_EQ(frames.size(), 5u);
  for (uint32_t i = 0; i < 5; ++i) {
    const auto result = frames[i].As<InferenceResult>();
    EXPECT_EQ(result.phase, static_cast<uint8_t>(i < 2 ? Phase::kWarmup : Phase::kTimed));
    EXPECT_EQ(result.repetition, i < 2 ? i : i - 2);
    EXPECT_EQ(result.output_crc32c, CrcOf(Vector(1)));
  }
  frames = RunVector(1, Vector(2));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].As<InferenceResult>().vector_index, 1u);
  EXPECT_EQ(Control(FinishRequest(), 2).kind.finished.inferences, 8u);
}

TEST_F(SessionHost, SendsOutputsOfTheFirstRepetition) {
  port::Board().blob = TinyBlob(1200);
  Request request = StartRequest(2);
  request.kind.start.input_bytes = 1200;
  request.kind.start.send_outputs = true;
  StartOk(request);
  std::vector<uint8_t> vector(1200);
  for (size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<uint8_t>(i * 31);
  Exchange(ChunkFrame({kNonce, 0, 0}, {vector.begin(), vector.begin() + 1000}, false));
  const std::vector<Frame> frames =
      Exchange(ChunkFrame({kNonce, 0, 1000}, {vector.begin() + 1000, vector.end()}, true));
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[0].As<InferenceResult>().output_size, 1200u);
  std::vector<uint8_t> output;
  for (const Frame& frame : {frames[1], frames[2]}) {
    ASSERT_EQ(frame.type, FrameType::kOutput);
    EXPECT_EQ(frame.As<OutputChunk>().offset, output.size());
    output.insert(output.end(), frame.payload.begin() + sizeof(OutputChunk), frame.payload.end());
  }
  EXPECT_EQ(output, vector);
  EXPECT_EQ(frames[3].As<InferenceResult>().output_size, 0u);
  // Four frames of the board's own, numbered without a gap: a lost one shows.
  for (uint16_t i = 0; i < 4; ++i) EXPECT_EQ(frames[i].sequence, i);
}

TEST_F(SessionHost, ObservedRunsReportLayersAndAreNotTimed) {
  Request request = StartRequest();
  request.kind.start.observe_layers = true;
  StartOk(request);
  const std::vector<Frame> frames = RunVector(4, Vector(8));
  ASSERT_EQ(frames.size(), 2u);
  ASSERT_EQ(frames[0].type, FrameType::kLayer);
  const auto layer = frames[0].As<LayerRecord>();
  EXPECT_EQ(layer.nonce, kNonce);
  EXPECT_EQ(layer.vector_index, 4u);
  EXPECT_EQ(layer.op_index, 0);
  EXPECT_EQ(layer.tflite_index, 3);
  EXPECT_EQ(layer.tensor_index, 8u);
  EXPECT_EQ(layer.bytes, kInputBytes);
  EXPECT_EQ(layer.fnv1a32, Fnv1a32(Vector(8).data(), kInputBytes));
  EXPECT_EQ(layer.ticks, 200u);
  const auto result = frames[1].As<InferenceResult>();
  EXPECT_EQ(result.phase, static_cast<uint8_t>(Phase::kObserved));
  EXPECT_EQ(result.ticks, 0u);
  EXPECT_EQ(port::Board().sent_in_window, 0u);
}

/// TinyBlob() with its operator as two steps, of which the first is no operator to be shown.
std::vector<uint64_t> BlobOfTwoSteps(uint32_t input_bytes) {
  const std::vector<uint64_t> one = TinyBlob(input_bytes);
  runtime::BlobHeader header;
  std::memcpy(&header, one.data(), sizeof(header));
  runtime::OpRecord steps[2];
  const auto* from = reinterpret_cast<const std::byte*>(one.data());
  for (runtime::OpRecord& step : steps) std::memcpy(&step, from + header.ops_offset, sizeof(step));
  steps[0].flags = runtime::kOpIsPart;
  std::vector<uint64_t> two((header.total_bytes + sizeof(steps) + 7) / 8);
  auto* to = reinterpret_cast<std::byte*>(two.data());
  std::memcpy(to, from, header.total_bytes);
  std::memcpy(to + header.total_bytes, steps, sizeof(steps));
  header.ops_offset = header.total_bytes;
  header.op_count = 2;
  header.total_bytes += sizeof(steps);
  std::memcpy(to, &header, sizeof(header));
  header.crc32c = Crc32c(to + runtime::kBlobCrcStart, header.total_bytes - runtime::kBlobCrcStart);
  std::memcpy(to, &header, sizeof(header));
  return two;
}

TEST_F(SessionHost, LayersAreNumberedWithoutGaps) {
  port::Board().blob = BlobOfTwoSteps(kInputBytes);
  Request request = StartRequest();
  request.kind.start.observe_layers = true;
  StartOk(request);
  const std::vector<Frame> frames = RunVector(0, Vector(8));
  ASSERT_EQ(frames.size(), 2u);
  ASSERT_EQ(frames[0].type, FrameType::kLayer);
  EXPECT_EQ(frames[0].As<LayerRecord>().op_index, 0) << "the host takes a gap for a lost frame";
}

TEST_F(SessionHost, LostChunkIsAskedForAgain) {
  StartOk();
  const std::vector<uint8_t> vector = Vector(0);
  const std::vector<uint8_t> a(vector.begin(), vector.begin() + 10);
  const std::vector<uint8_t> b(vector.begin() + 10, vector.begin() + 20);
  const std::vector<uint8_t> c(vector.begin() + 20, vector.end());
  Exchange(ChunkFrame({kNonce, 0, 0}, a, false));
  // b is lost; c, though it says run, does not run.
  std::vector<Frame> frames = Exchange(ChunkFrame({kNonce, 0, 20}, c, true));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<ChunkAck>().next_offset, 10u);
  frames = Exchange(ChunkFrame({kNonce, 0, 10}, b, false));
  EXPECT_EQ(frames.at(0).As<ChunkAck>().next_offset, 20u);
  frames = Exchange(ChunkFrame({kNonce, 0, 20}, c, true));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<InferenceResult>().input_crc32c, CrcOf(vector));
}

TEST_F(SessionHost, DuplicateChunksChangeNothing) {
  StartOk();
  const std::vector<uint8_t> vector = Vector(0);
  const std::vector<uint8_t> a(vector.begin(), vector.begin() + 16);
  const std::vector<uint8_t> b(vector.begin() + 16, vector.end());
  Exchange(ChunkFrame({kNonce, 0, 0}, a, false));
  Exchange(ChunkFrame({kNonce, 0, 16}, b, false));
  std::vector<Frame> frames = Exchange(ChunkFrame({kNonce, 0, 0}, a, false));
  EXPECT_EQ(frames.at(0).As<ChunkAck>().next_offset, kInputBytes);
  // The last chunk again, now with run; then a bare run: each gives the result once more.
  frames = Exchange(ChunkFrame({kNonce, 0, 16}, b, true));
  EXPECT_EQ(frames.at(0).As<InferenceResult>().input_crc32c, CrcOf(vector));
  frames = Exchange(ChunkFrame({kNonce, 0, 0}, {}, true));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<InferenceResult>().input_crc32c, CrcOf(vector));
  EXPECT_EQ(frames[0].As<InferenceResult>().repetition, 0u);
}

TEST_F(SessionHost, RunOfAVectorThatIsNotThereAsksForIt) {
  StartOk();
  RunVector(0, Vector(0));
  for (const std::vector<uint8_t>& data : {std::vector<uint8_t>{}, std::vector<uint8_t>{1, 2}}) {
    const std::vector<Frame> frames = Exchange(ChunkFrame({kNonce, 1, 38}, data, true));
    ASSERT_EQ(frames.size(), 1u);
    const auto ack = frames[0].As<ChunkAck>();
    EXPECT_EQ(ack.code, 0);
    EXPECT_EQ(ack.vector_index, 1u);
    EXPECT_EQ(ack.next_offset, 0u);
  }
}

TEST_F(SessionHost, RefusesChunksThatAreNotOfThisSession) {
  std::vector<Frame> frames = Exchange(ChunkFrame({kNonce, 0, 0}, Vector(0), true));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<ChunkAck>().code, static_cast<uint8_t>(Code::kFailedPrecondition));
  StartOk();
  frames = Exchange(ChunkFrame({kNonce + 1, 0, 0}, Vector(0), true));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<ChunkAck>().code, static_cast<uint8_t>(Code::kFailedPrecondition));
  EXPECT_EQ(frames[0].As<ChunkAck>().nonce, kNonce + 1);
  EXPECT_EQ(frames[0].As<ChunkAck>().next_offset, 0u);
}

TEST_F(SessionHost, RefusesChunksBeyondTheInput) {
  StartOk();
  std::vector<uint8_t> vector = Vector(0);
  vector.push_back(1);
  for (const VectorChunk& chunk : {VectorChunk{kNonce, 0, 0}, VectorChunk{kNonce, 0, 40},
                                   VectorChunk{kNonce, 0, 0xFFFFFFF0}}) {
    const std::vector<Frame> frames = Exchange(ChunkFrame(chunk, vector, true));
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].As<ChunkAck>().code, static_cast<uint8_t>(Code::kOutOfRange));
    EXPECT_EQ(frames[0].As<ChunkAck>().next_offset, 0u);
  }
}

TEST_F(SessionHost, HelloInTheMiddleEndsTheSession) {
  StartOk(50);
  Put(ChunkFrame({kNonce, 0, 0}, Vector(0), true));
  for (int i = 0; i < 3; ++i) session_.Step();
  EXPECT_EQ(TakeFrames().size(), 2u);
  std::vector<Frame> frames = Exchange(HelloFrame(7));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<Hello>().token, 7u);
  frames = Exchange(ChunkFrame({kNonce, 0, 0}, {}, true));
  EXPECT_EQ(frames.at(0).As<ChunkAck>().code, static_cast<uint8_t>(Code::kFailedPrecondition));
  // And the same Start begins anew: its old answer is forgotten.
  port::Board().blob[5] ^= 1;
  EXPECT_EQ(Control(StartRequest(50)).code, static_cast<uint32_t>(Code::kDataLoss));
}

TEST_F(SessionHost, NextVectorWaitsForTheEndOfTheRun) {
  StartOk(4);
  Put(ChunkFrame({kNonce, 0, 0}, Vector(0), true));
  Put(ChunkFrame({kNonce, 0, 0}, {}, true));  // a host that lost patience
  Put(ChunkFrame({kNonce, 1, 0}, Vector(9), true));
  const std::vector<Frame> frames = Run();
  ASSERT_EQ(frames.size(), 8u);
  for (uint32_t i = 0; i < 8; ++i) {
    const auto result = frames[i].As<InferenceResult>();
    EXPECT_EQ(result.vector_index, i / 4);
    EXPECT_EQ(result.repetition, i % 4);
    EXPECT_EQ(result.input_crc32c, CrcOf(Vector(i < 4 ? 0 : 9)));
  }
}

TEST_F(SessionHost, RepeatedControlRequestGetsTheSameAnswer) {
  StartOk();
  RunVector(0, Vector(5));
  const uint32_t windows = port::Board().windows;
  // The answer to Start was lost and comes again: nothing is prepared or painted anew.
  EXPECT_EQ(Control(StartRequest()).kind.started.prepare_ticks, 100u);
  EXPECT_EQ(port::Board().windows, windows);
  EXPECT_EQ(session_.nonce(), kNonce);

  EXPECT_EQ(Control(FinishRequest(), 2).kind.finished.inferences, 1u);
  EXPECT_EQ(Control(FinishRequest(), 2).kind.finished.inferences, 1u);
  EXPECT_EQ(Control(FinishRequest(), 3).code, static_cast<uint32_t>(Code::kFailedPrecondition));
}

TEST_F(SessionHost, FinishWithAnotherNonceIsRefused) {
  StartOk();
  EXPECT_EQ(Control(FinishRequest(kNonce + 1), 2).code,
            static_cast<uint32_t>(Code::kFailedPrecondition));
  EXPECT_EQ(session_.nonce(), kNonce);
}

TEST_F(SessionHost, FinishCountsFrames) {
  StartOk();
  RunVector(0, Vector(0));
  std::vector<uint8_t> broken = ChunkFrame({kNonce, 0, 0}, Vector(0), true);
  broken[20] ^= 0x10;
  EXPECT_TRUE(Exchange(broken).empty());
  const Reply reply = Control(FinishRequest(), 2);
  EXPECT_EQ(reply.kind.finished.frames_received, 2u);
  EXPECT_EQ(reply.kind.finished.frames_bad, 1u);
}

TEST_F(SessionHost, ControlThatIsNoRequestIsRefused) {
  for (const std::vector<uint8_t>& bytes :
       {std::vector<uint8_t>{}, {0x0A}, {0x0A, 0xFF, 0xFF}, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}) {
    const std::vector<Frame> frames =
        Exchange(Encode(FrameType::kControl, 1, bytes.data(), bytes.size()));
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].payload, (std::vector<uint8_t>{0x08, 0x03}));  // code = INVALID_ARGUMENT
  }
}

TEST_F(SessionHost, IgnoresWhatIsNotForABoard) {
  const uint8_t word[4] = {};
  for (FrameType type : {FrameType::kHelloRequest, FrameType::kVectorChunk, FrameType::kResult,
                         FrameType::kHello, static_cast<FrameType>(0x55)}) {
    EXPECT_TRUE(Exchange(Encode(type, 1, word, sizeof(word))).empty());
  }
}

TEST_F(SessionHost, FindsTheNextFrameAfterGarbage) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint8_t> garbage(random() % 3000);
    for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
    garbage.push_back(0);
    Put(garbage);
    const std::vector<Frame> frames = Exchange(HelloFrame(round));
    ASSERT_EQ(frames.size(), 1u);
    ASSERT_EQ(frames[0].As<Hello>().token, static_cast<uint32_t>(round));
  }
}

TEST_F(SessionHost, SurvivesFramesOfRandomContent) {
  // Valid frames, hostile payloads: nothing may crash, and the board still answers.
  std::mt19937 random(2);
  const FrameType types[] = {FrameType::kControl, FrameType::kVectorChunk, FrameType::kHelloRequest,
                             FrameType::kVectorChunk};
  for (int round = 0; round < 5000; ++round) {
    if (round % 10 == 0) Control(StartRequest(2), static_cast<uint16_t>(round));
    std::vector<uint8_t> payload(random() % 64);
    for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
    if (payload.size() >= 8 && random() % 2) std::memcpy(payload.data(), &kNonce, 8);
    if (payload.size() >= 16 && random() % 2) {
      for (size_t i = 8; i < 16; ++i) payload[i] = random() % 8 == 0 ? 0x28 : 0;
    }
    Exchange(Encode(types[random() % 4], static_cast<uint16_t>(random()), payload.data(),
                    payload.size(), {}, static_cast<uint8_t>(random())));
  }
  EXPECT_EQ(Exchange(HelloFrame(1)).size(), 1u);
}

TEST_F(SessionHost, AfterAFaultItAnswersHelloAndTellsOfTheFault) {
  Fault fault{};
  fault.pc = 0x1234;
  port::CountFault();
  const auto run = [&] {
    while (StepAfterFault(transport_, fault)) {
    }
    return TakeFrames();
  };
  EXPECT_TRUE(run().empty());
  Put(HelloFrame(3));
  std::vector<Frame> frames = run();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<Hello>().fault_count, 1u);
  for (const std::vector<uint8_t>& bytes :
       {ChunkFrame({kNonce, 0, 0}, {}, true), std::vector<uint8_t>{1, 2, 3, 0}}) {
    Put(bytes);
    frames = run();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].type, FrameType::kFault);
    EXPECT_EQ(frames[0].As<Fault>().pc, 0x1234u);
  }
}

}  // namespace
}  // namespace tinyrig::device
