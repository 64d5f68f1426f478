#include "agent/session/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace tinyrig::agent {
namespace {

using device::FrameType;
using device::Hello;

/// Bytes that come before a board has turned its receiver on are lost: ask again soon, then less
/// often.
constexpr auto kAskAgain = std::chrono::milliseconds(25);
constexpr auto kAskEvery = std::chrono::milliseconds(300);
constexpr auto kAskOthers = std::chrono::milliseconds(2000);

std::string Hex(const uint8_t* bytes, size_t size) {
  std::string hex;
  for (size_t i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

std::string Text(const char* field, size_t size) {
  return std::string(field, strnlen(field, size));
}

/// Another board whose id or word the far end of the link has.
const Board* WhoAnswered(const Hello& hello, const Board& board, const Boards& boards) {
  const std::string uid = Hex(hello.mcu_uid, sizeof(hello.mcu_uid));
  for (const auto& other : boards) {
    if (other.get() == &board) continue;
    if (other->mcu_uid == uid) return other.get();
    if (other->mailbox_word != 0 && other->mailbox_word == hello.mailbox_word) return other.get();
  }
  return nullptr;
}

/// Marks a board busy, also when the coroutine is cancelled in between.
class BusyMark {
 public:
  explicit BusyMark(Board& board) : board_(board) { board_.busy = true; }
  BusyMark(const BusyMark&) = delete;
  BusyMark& operator=(const BusyMark&) = delete;
  ~BusyMark() { board_.busy = false; }

 private:
  Board& board_;
};

struct Check {
  const char* what;
  std::string expected;
  std::string found;
};

}  // namespace

Awaitable<Result<Hello>> AskHello(FrameLink& link, Deadline deadline) {
  std::random_device random;
  device::HelloRequest request{};
  request.protocol_version = device::kProtocolVersion;
  request.token = random();
  uint16_t sequence = 0;
  Clock::duration wait = kAskAgain;
  while (Clock::now() < deadline) {
    auto payload = StructBytes(request);
    CO_TRY(
        co_await link.Send(FrameType::kHelloRequest, 0, ++sequence, std::move(payload), deadline));
    const Deadline patience = Within(wait, deadline);
    wait = std::min<Clock::duration>(2 * wait, kAskEvery);
    // A link that never stops talking does not hold this up.
    while (Clock::now() < patience) {
      const auto frame = co_await link.Next(patience);
      if (!frame.ok()) {
        if (frame.status().code() == Code::kDeadlineExceeded) break;
        co_return frame.status();
      }
      Hello hello{};
      if (frame->type == FrameType::kHello &&
          device::ReadStruct(frame->payload.data(), frame->payload.size(), &hello) &&
          hello.magic == device::kHelloMagic && hello.token == request.token) {
        co_return hello;
      }
    }
  }
  co_return Status(Code::kDeadlineExceeded, "the board does not answer on its link");
}

StepResult<Done> CheckHello(const Hello& hello, const ExpectedIdentity& expected,
                            const Board& board, const Boards& boards) {
  const std::string uid = Hex(hello.mcu_uid, sizeof(hello.mcu_uid));
  const auto number = [](uint32_t value) { return fmt::format("{:#010x}", value); };
  const Check checks[] = {
      {"protocol version", std::to_string(device::kProtocolVersion),
       std::to_string(hello.protocol_version)},
      {"unique id", expected.mcu_uid, uid},
      {"mailbox word", number(expected.mailbox_word), number(hello.mailbox_word)},
      {"port", expected.port, Text(hello.port, sizeof(hello.port))},
      {"kernels", expected.kernels, Text(hello.kernels, sizeof(hello.kernels))},
      {"build id", expected.build_id, Hex(hello.build_id, sizeof(hello.build_id))},
      {"code size", std::to_string(expected.code_size), std::to_string(hello.code_size)},
      {"code CRC", number(expected.code_crc32c), number(hello.code_crc32c)},
      {"model size", std::to_string(expected.blob_size), std::to_string(hello.blob_size)},
      {"model CRC", number(expected.blob_crc32c), number(hello.blob_crc32c)},
  };
  std::vector<std::string> evidence;
  for (const Check& check : checks) {
    if (check.expected == check.found) continue;
    evidence.push_back(
        fmt::format("{}: expected {}, found {}", check.what, check.expected, check.found));
  }
  if (evidence.empty()) return Done{};

  const std::string link = board.link->path();
  std::string message;
  if (const Board* other = WhoAnswered(hello, board, boards)) {
    message = fmt::format(
        "crossed cables: board {} answered on the link of board {} ({}); swap the `port` entries "
        "of "
        "the two in the bench file, or their cables",
        other->id, board.id, link);
  } else if (expected.mcu_uid != uid || expected.mailbox_word != hello.mailbox_word) {
    message = fmt::format(
        "the link {} of board {} ends at another board than its probe; check `port` and `serial` "
        "in "
        "the bench file",
        link, board.id);
  } else {
    message = fmt::format(
        "board {} does not run the image that was just written: its own CRC differs; an old image "
        "is still there. Power-cycle the board and check its flash",
        board.id);
  }
  return tl::unexpected(MakeFailure(v1::FAILURE_OWNER_BENCH, Code::kDataLoss, std::move(message),
                                    std::move(evidence)));
}

Awaitable<v1::Failure> ExplainSilence(uint32_t mailbox_word, const Board& board,
                                      const Boards& boards) {
  std::vector<std::string> evidence;
  for (const auto& other : boards) {
    if (other.get() == &board) continue;
    if (other->busy) {
      evidence.push_back(fmt::format("the link of {} was not asked: it is in use", other->id));
      continue;
    }
    const BusyMark mark(*other);
    auto port = other->link->Open({});
    if (port.ok()) {
      FrameLink link(**port);
      const auto hello = co_await AskHello(link, Within(kAskOthers));
      if (hello.ok() && hello->mailbox_word == mailbox_word) {
        co_return MakeFailure(
            v1::FAILURE_OWNER_BENCH, Code::kFailedPrecondition,
            fmt::format("crossed cables: board {} answers on the link of board {} ({}), not on its "
                        "own ({}); swap the `port` entries in the bench file, or the cables",
                        board.id, other->id, other->link->path(), board.link->path()));
      }
    }
    evidence.push_back(fmt::format("board {} does not answer on the link of {} ({}) either",
                                   board.id, other->id, other->link->path()));
  }
  co_return MakeFailure(
      v1::FAILURE_OWNER_BENCH, Code::kDeadlineExceeded,
      fmt::format("board {} was flashed but does not answer on its link {}; check the serial cable "
                  "and `port` and `baud` in the bench file",
                  board.id, board.link->path()),
      std::move(evidence));
}

v1::Identity ToIdentity(const Hello& hello) {
  v1::Identity identity;
  identity.set_port(Text(hello.port, sizeof(hello.port)));
  identity.set_kernels(Text(hello.kernels, sizeof(hello.kernels)));
  identity.set_build_id(Hex(hello.build_id, sizeof(hello.build_id)));
  identity.set_mcu_uid(Hex(hello.mcu_uid, sizeof(hello.mcu_uid)));
  identity.set_code_crc32c(hello.code_crc32c);
  identity.set_blob_crc32c(hello.blob_crc32c);
  identity.set_clock_hz(hello.clock_hz);
  identity.set_counter_hz(hello.counter_hz);
  identity.set_counter_kind(hello.counter_kind);
  return identity;
}

}  // namespace tinyrig::agent
