#include "agent/session/marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proto/device/paint.h"

namespace tinyrig::agent {
namespace {

using device::kCanaryBytes;
using Memory = std::vector<std::vector<uint8_t>>;

/// What is read of the arena at first: the mark is nearly always in it.
constexpr uint32_t kTailBytes = 4096;

/// Addresses that a session's regions have. Sums of what a board says may exceed 32 bits: such a
/// board is found by Layout().
struct Layout {
  uint32_t arena = 0;
  uint32_t arena_end = 0;
  uint32_t staged = 0;
  uint32_t staged_end = 0;
  uint32_t stack = 0;
  uint32_t stack_bytes = 0;
};

StepResult<Layout> LayoutOf(const device::pb::Started& started) {
  const uint64_t need = device::ArenaNeed(started.arena_bytes(), started.input_bytes());
  const bool sound = started.arena_address() % device::kPaintWord == 0 &&
                     started.stack_low_address() % device::kPaintWord == 0 &&
                     started.arena_bytes() > 0 && need <= started.arena_limit() &&
                     uint64_t{started.arena_address()} + need <= UINT32_MAX &&
                     started.stack_bytes() >= kCanaryBytes && started.stack_bytes() < 1u << 24 &&
                     started.stack_low_address() <= UINT32_MAX - started.stack_bytes();
  if (!sound) {
    return tl::unexpected(MakeFailure(
        v1::FAILURE_OWNER_BENCH, Code::kDataLoss,
        "the board describes an arena or a stack that cannot be; are firmware and agent of the "
        "same release?"));
  }
  Layout layout;
  layout.arena = started.arena_address();
  layout.arena_end = layout.arena + started.arena_bytes();
  layout.staged = layout.arena + static_cast<uint32_t>(device::StagedOffset(started.arena_bytes()));
  layout.staged_end = layout.staged + started.input_bytes();
  layout.stack = started.stack_low_address();
  layout.stack_bytes = started.stack_bytes();
  return layout;
}

/// Whole words, as paint is.
MemoryRange WordsOf(uint32_t from, uint32_t to) {
  const uint32_t low = from / device::kPaintWord * device::kPaintWord;
  const uint32_t high = (to + device::kPaintWord - 1) / device::kPaintWord * device::kPaintWord;
  return {low, high - low};
}

Region RegionOf(const MemoryRange& range, const std::vector<uint8_t>& bytes) {
  return {range.address, bytes};
}

/// The part [from, to) of a region that holds it.
Region Part(Region region, uint32_t from, uint32_t to) {
  return {from, region.bytes.subspan(from - region.address, to - from)};
}

std::string Hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

v1::Failure CanaryFailure(std::string message, Region canary, Touched touched, uint64_t nonce) {
  constexpr uint32_t kShown = 16;
  const uint32_t end = canary.address + static_cast<uint32_t>(canary.bytes.size());
  const uint32_t shown = std::min(kShown, end - touched.first_address);
  std::vector<uint8_t> paint;
  for (uint32_t i = 0; i < shown; ++i) {
    paint.push_back(device::PaintByte(nonce, touched.first_address + i));
  }
  const Region found = Part(canary, touched.first_address, touched.first_address + shown);
  return MakeFailure(
      v1::FAILURE_OWNER_VARIANT, Code::kOutOfRange, std::move(message),
      {fmt::format("canary {:#010x} to {:#010x}, touched from {:#010x} to {:#010x}", canary.address,
                   end - 1, touched.first_address, touched.last_address),
       fmt::format("paint at {:#010x}: {}", touched.first_address, Hex(paint)),
       fmt::format("found at {:#010x}: {}", touched.first_address, Hex(found.bytes))});
}

/// How far beyond the end of something, at least: a canary that is touched to its last byte does
/// not tell how far it really went.
std::string Beyond(Touched touched, uint32_t end, uint32_t canary_end) {
  return fmt::format("{}{} B", touched.last_address + 1 == canary_end ? "at least " : "",
                     touched.last_address + 1 - end);
}

StepResult<Done> CheckCanaries(const Layout& layout, Region tail, Region behind, Region stack,
                               uint64_t nonce) {
  const Region arena_canary = Part(tail, layout.arena_end, layout.staged);
  if (const auto touched = FindTouched(arena_canary, nonce)) {
    const uint32_t arena_bytes = layout.arena_end - layout.arena;
    return tl::unexpected(CanaryFailure(
        fmt::format("the model wrote {} beyond its arena of {} B, from byte {} on; a kernel or the "
                    "memory plan is wrong: compare with kernels=reference",
                    Beyond(*touched, layout.arena_end, layout.staged), arena_bytes,
                    touched->first_address - layout.arena),
        arena_canary, *touched, nonce));
  }
  const Region input_canary = Part(behind, layout.staged_end, layout.staged_end + kCanaryBytes);
  if (const auto touched = FindTouched(input_canary, nonce)) {
    return tl::unexpected(CanaryFailure(
        fmt::format("something wrote {} beyond the staged input, {} B beyond the model's arena; "
                    "compare with kernels=reference",
                    Beyond(*touched, layout.staged_end, layout.staged_end + kCanaryBytes),
                    touched->last_address + 1 - layout.arena_end),
        input_canary, *touched, nonce));
  }
  const Region stack_canary = Part(stack, layout.stack, layout.stack + kCanaryBytes);
  if (const auto touched = FindTouched(stack_canary, nonce)) {
    return tl::unexpected(CanaryFailure(
        fmt::format("the stack of {} B was used down to {} B above its end; the variant needs more "
                    "stack than the firmware has: use another kernel set",
                    layout.stack_bytes, touched->first_address - layout.stack),
        stack_canary, *touched, nonce));
  }
  return Done{};
}

}  // namespace

uint32_t UsedFromBelow(Region region, uint64_t nonce) {
  for (size_t i = region.bytes.size(); i > 0; --i) {
    const auto at = static_cast<uint32_t>(i - 1);
    if (region.bytes[at] != device::PaintByte(nonce, region.address + at)) return at + 1;
  }
  return 0;
}

uint32_t UsedFromAbove(Region region, uint64_t nonce) {
  const auto size = static_cast<uint32_t>(region.bytes.size());
  for (uint32_t at = 0; at + device::kPaintWord <= size; at += device::kPaintWord) {
    uint32_t word;
    std::memcpy(&word, region.bytes.data() + at, sizeof(word));
    if (word != device::PaintWord(nonce, region.address + at)) return size - at;
  }
  return 0;
}

std::optional<Touched> FindTouched(Region region, uint64_t nonce) {
  std::optional<Touched> touched;
  for (size_t i = 0; i < region.bytes.size(); ++i) {
    const uint32_t address = region.address + static_cast<uint32_t>(i);
    if (region.bytes[i] == device::PaintByte(nonce, address)) continue;
    if (!touched) touched = Touched{address, address};
    touched->last_address = address;
  }
  return touched;
}

Awaitable<StepResult<Done>> CheckPaint(Probe& probe, PaintedSession session, Deadline deadline) {
  const auto layout = LayoutOf(session.started);
  if (!layout) co_return tl::unexpected(layout.error());
  const uint32_t sample = std::min(kCanaryBytes, session.started.arena_bytes());
  std::vector<MemoryRange> ranges = {
      WordsOf(layout->arena, layout->arena + sample),
      WordsOf(layout->arena_end - sample, layout->staged),
      WordsOf(layout->staged_end, layout->staged_end + kCanaryBytes),
      WordsOf(layout->stack, layout->stack + layout->stack_bytes / 2),
  };
  const auto memory = co_await probe.ReadMemory(ranges, deadline);
  if (!memory.ok()) co_return tl::unexpected(BenchFailure(memory.status()));
  for (size_t i = 0; i < ranges.size(); ++i) {
    const auto touched = FindTouched(RegionOf(ranges[i], (*memory)[i]), session.nonce);
    if (!touched) continue;
    co_return tl::unexpected(MakeFailure(
        v1::FAILURE_OWNER_BENCH, Code::kDataLoss,
        fmt::format("the board's memory at {:#010x} is not painted although its firmware began a "
                    "session; is another board behind the probe, or are firmware and agent of "
                    "different releases?",
                    touched->first_address)));
  }
  co_return Done{};
}

Awaitable<StepResult<v1::MemoryMarks>> ReadMarks(Probe& probe, PaintedSession session,
                                                 Deadline deadline) {
  const auto layout = LayoutOf(session.started);
  if (!layout) co_return tl::unexpected(layout.error());
  const uint32_t arena_bytes = session.started.arena_bytes();
  const uint32_t tail_from = layout->arena_end - std::min(kTailBytes, arena_bytes);
  std::vector<MemoryRange> ranges = {
      WordsOf(tail_from, layout->staged),
      WordsOf(layout->staged_end, layout->staged_end + kCanaryBytes),
      {layout->stack, layout->stack_bytes},
  };
  const auto memory = co_await probe.ReadMemory(ranges, deadline);
  if (!memory.ok()) co_return tl::unexpected(BenchFailure(memory.status()));
  const Region tail = RegionOf(ranges[0], (*memory)[0]);
  const Region stack = RegionOf(ranges[2], (*memory)[2]);
  auto sound =
      CheckCanaries(*layout, tail, RegionOf(ranges[1], (*memory)[1]), stack, session.nonce);
  if (!sound) co_return tl::unexpected(std::move(sound.error()));

  v1::MemoryMarks marks;
  marks.set_stack_bytes(layout->stack_bytes);
  marks.set_stack_used_bytes(UsedFromAbove(stack, session.nonce));
  const uint32_t in_tail = UsedFromBelow(tail, session.nonce);
  uint32_t used = in_tail == 0 ? 0 : tail.address - layout->arena + in_tail;
  if (used == 0 && tail.address > layout->arena) {
    std::vector<MemoryRange> rest = {{layout->arena, tail.address - layout->arena}};
    const auto lower = co_await probe.ReadMemory(rest, deadline);
    if (!lower.ok()) co_return tl::unexpected(BenchFailure(lower.status()));
    used = UsedFromBelow(RegionOf(rest[0], (*lower)[0]), session.nonce);
  }
  marks.set_arena_used_bytes(used);
  co_return marks;
}

}  // namespace tinyrig::agent
