#include "proto/device/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "proto/device/crc32c.h"
#include "proto/device/fnv1a.h"
#include "proto/device/messages.h"

namespace tinyrig::device {
namespace {

using Bytes = std::vector<uint8_t>;
using Event = FrameDecoder::Event;

Bytes Encode(FrameType type, uint8_t flags, uint16_t sequence, const Bytes& payload) {
  Bytes out(kMaxEncoded);
  out.resize(EncodeFrame(type, flags, sequence, payload.data(), payload.size(), nullptr, 0,
                         out.data(), out.size()));
  return out;
}

/// Every event but kNone, in order.
std::vector<Event> Feed(FrameDecoder& decoder, const Bytes& bytes) {
  std::vector<Event> events;
  for (const uint8_t byte : bytes) {
    if (const Event event = decoder.Push(byte); event != Event::kNone) events.push_back(event);
  }
  return events;
}

TEST(Crc32c, CheckValueAndContinuation) {
  EXPECT_EQ(Crc32c("123456789", 9), 0xE3069283u);
  EXPECT_EQ(Crc32c("6789", 4, Crc32c("12345", 5)), 0xE3069283u);
  EXPECT_EQ(Crc32c(nullptr, 0), 0u);
}

TEST(Fnv1a, PublishedValues) {
  EXPECT_EQ(Fnv1a32("", 0), 0x811c9dc5u);
  EXPECT_EQ(Fnv1a32("a", 1), 0xe40c292cu);
  EXPECT_EQ(Fnv1a32("foobar", 6), 0xbf9cf968u);
}

// The worked example of proto/device/README.md.
TEST(Frame, WorkedExample) {
  const HelloRequest request = {.protocol_version = 1, .reserved = 0, .token = 0x12345678};
  Bytes out(kMaxEncoded);
  out.resize(EncodeFrame(FrameType::kHelloRequest, 0, 1, &request, sizeof(request), nullptr, 0,
                         out.data(), out.size()));
  const Bytes expected = {0x02, 0x01, 0x02, 0x01, 0x02, 0x01, 0x01, 0x01, 0x09,
                          0x78, 0x56, 0x34, 0x12, 0xDB, 0x31, 0x0F, 0x62, 0x00};
  EXPECT_EQ(out, expected);
}

TEST(Frame, RoundTripsEveryLength) {
  std::mt19937 random(1);
  FrameDecoder decoder;
  for (size_t size = 0; size <= kMaxPayload; ++size) {
    Bytes payload(size);
    // Zeros and long runs without zeros are what COBS has to get right.
    const uint32_t zeros = size % 3;
    for (auto& byte : payload) {
      byte = static_cast<uint8_t>(random());
      if (zeros == 0 && byte == 0) byte = 1;
      if (zeros == 1 && random() % 4) byte = 0;
    }
    const auto wire =
        Encode(FrameType::kVectorChunk, kFlagRun, static_cast<uint16_t>(size), payload);
    ASSERT_LE(wire.size(), kMaxEncoded);
    ASSERT_EQ(std::count(wire.begin(), wire.end(), 0), 1);
    ASSERT_EQ(Feed(decoder, wire), std::vector{Event::kFrame}) << size;
    EXPECT_EQ(decoder.frame().type, FrameType::kVectorChunk);
    EXPECT_EQ(decoder.frame().flags, kFlagRun);
    EXPECT_EQ(decoder.frame().sequence, size);
    EXPECT_EQ(Bytes(decoder.frame().payload, decoder.frame().payload + decoder.frame().size),
              payload);
  }
  EXPECT_EQ(decoder.good_frames(), kMaxPayload + 1);
  EXPECT_EQ(decoder.bad_frames(), 0u);
}

TEST(Frame, RefusesWhatDoesNotFit) {
  const Bytes payload(kMaxPayload + 1);
  Bytes out(2 * kMaxEncoded);
  EXPECT_EQ(EncodeFrame(FrameType::kControl, 0, 0, payload.data(), payload.size(), nullptr, 0,
                        out.data(), out.size()),
            0u);
  EXPECT_EQ(EncodeFrame(FrameType::kControl, 0, 0, payload.data(), 10, nullptr, 0, out.data(), 15),
            0u);
}

TEST(Frame, EveryFlippedBitIsFound) {
  const auto wire = Encode(FrameType::kResult, 0, 9, {1, 0, 2, 0, 0, 3});
  for (size_t bit = 0; bit < wire.size() * 8; ++bit) {
    auto bad = wire;
    bad[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    FrameDecoder decoder;
    for (const Event event : Feed(decoder, bad)) EXPECT_NE(event, Event::kFrame) << bit;
    // And the next frame gets through, behind a delimiter.
    Bytes next = {0};
    next.insert(next.end(), wire.begin(), wire.end());
    const auto events = Feed(decoder, next);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back(), Event::kFrame) << bit;
  }
}

TEST(Frame, RestartForgetsWhatHasCome) {
  const auto wire = Encode(FrameType::kResult, 0, 9, {1, 0, 2, 0, 0, 3});
  for (size_t cut = 0; cut < wire.size(); ++cut) {
    FrameDecoder decoder;
    Feed(decoder, {wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(cut)});
    decoder.Restart();
    const auto events = Feed(decoder, wire);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back(), Event::kFrame) << cut;
    EXPECT_EQ(decoder.bad_frames(), 0u);
  }
}

TEST(Frame, NoiseOfAnyLengthIsHarmless) {
  std::mt19937 random(2);
  FrameDecoder decoder;
  for (int i = 0; i < 300000; ++i) {
    EXPECT_NE(decoder.Push(static_cast<uint8_t>(random())), Event::kFrame);
  }
  for (int i = 0; i < 100000; ++i) decoder.Push(0x55);
  EXPECT_EQ(decoder.Push(0), Event::kTooLong);
  EXPECT_EQ(Feed(decoder, Encode(FrameType::kHello, 0, 0, {5})), std::vector{Event::kFrame});
}

TEST(Frame, NamesTheReason) {
  FrameDecoder decoder;
  EXPECT_EQ(Feed(decoder, {0, 0, 0}), std::vector<Event>{});
  EXPECT_EQ(Feed(decoder, {3, 1, 1, 0}), std::vector{Event::kTooShort});
  EXPECT_EQ(Feed(decoder, {9, 1, 1, 0}), std::vector{Event::kBadCobs});
  EXPECT_EQ(Feed(decoder, {9, 1, 2, 3, 4, 5, 6, 7, 8, 0}), std::vector{Event::kBadCrc});
}

TEST(Messages, ReadStructChecksTheSize) {
  const Bytes payload(sizeof(Hello) + 4);  // A later version may append.
  Hello hello;
  EXPECT_TRUE(ReadStruct(payload.data(), payload.size(), &hello));
  EXPECT_FALSE(ReadStruct(payload.data(), sizeof(Hello) - 1, &hello));
}

}  // namespace
}  // namespace tinyrig::device
