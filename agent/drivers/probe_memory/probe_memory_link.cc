#include "agent/drivers/probe_memory/probe_memory_link.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "agent/drivers/probe_memory/ring.h"

namespace tinyrig::agent::probe_memory {
namespace {

using device::RingControl;

constexpr uint32_t kSetPending = 0xE000E200;  ///< NVIC_ISPR0
constexpr auto kAttachTime = std::chrono::seconds(3);
/// Of one exchange. Not shortened by a caller's patience: one that is broken off costs the tool.
constexpr auto kAccessTime = std::chrono::seconds(3);
constexpr auto kShortestPause = std::chrono::microseconds(200);
constexpr auto kLongestPause = std::chrono::milliseconds(10);
constexpr auto kSuspicious = std::chrono::milliseconds(500);
/// Bytes of vectors under way without the board's word: the ring holds the host back, and this many
/// make few enough acknowledgements for the buffers of any cable.
constexpr uint32_t kWindowBytes = 48 * 1024;

/// Waits a little, longer each time.
class Pause {
 public:
  Awaitable<void> Wait(Deadline deadline) {
    co_await SleepUntil(Within(pause_, deadline));
    pause_ = std::min<Clock::duration>(2 * pause_, kLongestPause);
  }

 private:
  Clock::duration pause_ = kShortestPause;
};

class ProbeMemoryLink : public Link {
 public:
  ProbeMemoryLink(std::unique_ptr<Link> cable, LiveMemory& memory, Directions rings,
                  uint32_t address)
      : cable_(std::move(cable)), memory_(memory), rings_(rings), address_(address) {}

  Awaitable<Status> GoFast(Deadline deadline) override {
    if (address_ == 0) {
      co_return Status(Code::kFailedPrecondition,
                       "the image has no rings in RAM; use `link: {driver: uart, ...}` for it");
    }
    co_return co_await Attach(Within(kAttachTime, deadline));
  }

  uint32_t window() const override { return control_ && rings_.out ? kWindowBytes : 0; }

  Awaitable<Result<std::vector<uint8_t>>> Read(Deadline deadline) override {
    if (!UsesRing(rings_.in)) co_return co_await cable_->Read(deadline);
    if (!control_) CO_TRY(co_await Attach(deadline));
    device::Ring& ring = control_->from_board;
    Pause pause;
    while (true) {
      CO_TRY_ASSIGN(const std::vector<uint32_t> head,
                    co_await Peek(offsetof(RingControl, from_board.head)));
      ring.head = head[0];
      if (Used(ring) > ring.size) co_return Broken();
      if (Used(ring) > 0) break;
      if (Clock::now() >= deadline) {
        co_return Status(Code::kDeadlineExceeded, "nothing came in the board's ring");
      }
      co_await pause.Wait(deadline);
    }
    const uint32_t size = Used(ring);
    std::vector<MemoryAccess> steps;
    AddReads(ring, size, steps);
    steps.push_back(WriteWord(address_ + offsetof(RingControl, from_board.tail), ring.tail + size));
    CO_TRY_ASSIGN(const std::vector<uint32_t> words,
                  co_await memory_.Access(std::move(steps), Within(kAccessTime)));
    auto bytes = TakeBytes(ring, size, words);
    ring.tail += size;
    stats_.bytes_in += size;
    co_return bytes;
  }

  Awaitable<Status> Write(std::vector<uint8_t> bytes, Deadline deadline) override {
    if (!UsesRing(rings_.out)) co_return co_await cable_->Write(std::move(bytes), deadline);
    if (!control_) CO_TRY(co_await Attach(deadline));
    device::Ring& ring = control_->to_board;
    std::span<const uint8_t> rest(bytes);
    while (!rest.empty()) {
      if (ring.size - Used(ring) < std::min<size_t>(rest.size(), ring.size)) {
        CO_TRY(co_await WaitForRoom(deadline));
      }
      const auto piece = rest.first(std::min<size_t>(rest.size(), ring.size - Used(ring)));
      CO_TRY(co_await Put(piece));
      rest = rest.subspan(piece.size());
    }
    co_return OkStatus();
  }

  Stats stats() const override {
    Stats sum = stats_;
    if (cable_) {
      sum.bytes_in += cable_->stats().bytes_in;
      sum.bytes_out += cable_->stats().bytes_out;
    }
    return sum;
  }

 private:
  bool UsesRing(bool direction) const { return !cable_ || (direction && control_.has_value()); }

  static Status Broken() {
    return {Code::kUnavailable,
            "the board restarted, or its RAM was overwritten, while it was talked to through its "
            "rings; check its supply"};
  }

  Awaitable<Result<std::vector<uint32_t>>> Peek(size_t offset) {
    std::vector<MemoryAccess> steps;
    steps.push_back(ReadWords(address_ + static_cast<uint32_t>(offset), 1));
    co_return co_await memory_.Access(std::move(steps), Within(kAccessTime));
  }

  Awaitable<Result<RingControl>> ReadControl() {
    std::vector<MemoryAccess> steps;
    steps.push_back(ReadWords(address_, kControlWords));
    CO_TRY_ASSIGN(const std::vector<uint32_t> words,
                  co_await memory_.Access(std::move(steps), Within(kAccessTime)));
    co_return ParseControl(words);
  }

  /// The firmware writes the control block when it starts; the probe cleared it before that.
  Awaitable<Status> Attach(Deadline deadline) {
    Pause pause;
    while (true) {
      auto control = co_await ReadControl();
      if (control.ok()) {
        control_ = *control;
        break;
      }
      if (control.status().code() != Code::kUnavailable || Clock::now() >= deadline) {
        co_return control.status();
      }
      co_await pause.Wait(deadline);
    }
    // What lies in the rings was for somebody else.
    control_->from_board.tail = control_->from_board.head;
    control_->active =
        (rings_.out ? device::kRingToBoard : 0) | (rings_.in ? device::kRingFromBoard : 0);
    std::vector<MemoryAccess> steps;
    steps.push_back(
        WriteWord(address_ + offsetof(RingControl, from_board.tail), control_->from_board.tail));
    steps.push_back(WriteWord(address_ + offsetof(RingControl, active), control_->active));
    AddDoorbell(steps);
    const auto done = co_await memory_.Access(std::move(steps), Within(kAccessTime));
    co_return done.status();
  }

  void AddDoorbell(std::vector<MemoryAccess>& steps) const {
    const uint16_t irq = control_->doorbell_irq;
    if (irq >= 240) return;  // kNoDoorbell, or none that a Cortex-M has
    steps.push_back(WriteWord(kSetPending + irq / 32 * 4, 1u << irq % 32));
  }

  /// Data, then head, then the doorbell: the board sees a head only with the bytes before it.
  Awaitable<Status> Put(std::span<const uint8_t> bytes) {
    device::Ring& ring = control_->to_board;
    const auto size = static_cast<uint32_t>(bytes.size());
    std::vector<MemoryAccess> steps;
    AddWrites(ring, bytes, steps);
    steps.push_back(WriteWord(address_ + offsetof(RingControl, to_board.head), ring.head + size));
    AddDoorbell(steps);
    const auto done = co_await memory_.Access(std::move(steps), Within(kAccessTime));
    if (!done.ok()) co_return done.status();
    ring.head += size;
    stats_.bytes_out += size;
    co_return OkStatus();
  }

  Awaitable<Status> WaitForRoom(Deadline deadline) {
    device::Ring& ring = control_->to_board;
    const uint32_t enough = ring.size / 2;
    const Deadline start = Clock::now();
    Pause pause;
    while (true) {
      CO_TRY_ASSIGN(const std::vector<uint32_t> tail,
                    co_await Peek(offsetof(RingControl, to_board.tail)));
      const bool moved = ring.tail != tail[0];
      ring.tail = tail[0];
      if (Used(ring) > ring.size) co_return Broken();
      if (ring.size - Used(ring) >= enough) co_return OkStatus();
      if (!moved && Clock::now() - start > kSuspicious) {
        CO_TRY_ASSIGN(const RingControl now, co_await ReadControl());
        if (now.active != control_->active) co_return Broken();
      }
      if (Clock::now() >= deadline) {
        co_return Status(Code::kDeadlineExceeded,
                         "the board takes nothing out of its ring; is it running?");
      }
      co_await pause.Wait(deadline);
    }
  }

  std::unique_ptr<Link> cable_;
  LiveMemory& memory_;
  Directions rings_;
  uint32_t address_;
  std::optional<RingControl> control_;
  Stats stats_;
};

}  // namespace

Result<std::unique_ptr<Link>> ProbeMemoryPort::Open(LinkTarget target) {
  std::unique_ptr<Link> cable;
  if (cable_) {
    TRY_ASSIGN(cable, cable_->Open(target));
  } else if (target.rings_address == 0) {
    return Status(Code::kFailedPrecondition,
                  "this board has no cable to be asked on, only rings in the RAM of an image that "
                  "has them");
  }
  return std::unique_ptr<Link>(
      std::make_unique<ProbeMemoryLink>(std::move(cable), memory_, rings_, target.rings_address));
}

}  // namespace tinyrig::agent::probe_memory
