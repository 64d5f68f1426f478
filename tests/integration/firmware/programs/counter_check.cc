#include <cstdint>
#include <utility>

#include "firmware/ports/port.h"
#include "firmware/protocol/transport.h"

/// Measures windows of known length and sends {instructions, ticks} for each as a kResult frame.
/// A zero asks for short windows of all kinds, up to an {0xFFFFFFFF, 0}; any other number for one
/// of 2 * number + 2 instructions. Numbers are little-endian words; windows are assembly: what the
/// compiler would put between the calls is not known.
namespace {

using tinyrig::device::Transport;
using tinyrig::port::CounterStart;
using tinyrig::port::CounterStop;

struct Window {
  uint32_t instructions;
  uint32_t ticks;
};

void Report(Transport& transport, uint32_t instructions, uint32_t ticks) {
  transport.SendStruct(tinyrig::device::FrameType::kResult, 0, Window{instructions, ticks});
}

/// N instructions in a row.
template <uint32_t kInstructions>
void MeasureStraight(Transport& transport) {
  uint32_t ticks;
  asm volatile(
      "bl %c1\n"
      ".rept %c3\n"
      "nop\n"
      ".endr\n"
      "bl %c2\n"
      "mov %0, r0\n"
      : "=r"(ticks)
      : "i"(CounterStart), "i"(CounterStop), "i"(kInstructions)
      : "r0", "r1", "r2", "r3", "ip", "lr", "cc", "memory");
  Report(transport, kInstructions, ticks);
}

/// 2 * rounds + 2 instructions.
void MeasureLoop(Transport& transport, uint32_t rounds) {
  uint32_t ticks;
  asm volatile(
      "bl %c1\n"
      "mov r3, %3\n"
      "1: subs r3, r3, #1\n"
      "bne 1b\n"
      "nop\n"
      "bl %c2\n"
      "mov %0, r0\n"
      : "=r"(ticks)
      : "i"(CounterStart), "i"(CounterStop), "r"(rounds)
      : "r0", "r1", "r2", "r3", "ip", "lr", "cc", "memory");
  Report(transport, 2 * rounds + 2, ticks);
}

template <uint32_t... kInstructions>
void MeasureAll(Transport& transport, std::integer_sequence<uint32_t, kInstructions...>) {
  (MeasureStraight<kInstructions>(transport), ...);
}

}  // namespace

int main() {
  tinyrig::port::Init();
  Transport transport;
  uint32_t number = 0;
  // Starts when told to, so that nobody misses it.
  for (int bytes = 0;;) {
    uint8_t byte;
    if (!tinyrig::port::ReadByte(&byte)) {
      tinyrig::port::WaitForByte();
      continue;
    }
    number |= uint32_t{byte} << 8 * bytes;
    if (++bytes < 4) continue;
    if (number != 0) {
      MeasureLoop(transport, number);
    } else {
      MeasureAll(transport, std::make_integer_sequence<uint32_t, 41>{});
      for (uint32_t instructions : {1000u, 1000000u, 100000000u}) {
        MeasureLoop(transport, instructions / 2 - 1);
      }
      Report(transport, 0xFFFFFFFF, 0);
    }
    number = 0;
    bytes = 0;
  }
}
