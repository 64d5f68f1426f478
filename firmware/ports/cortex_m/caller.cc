#include "firmware/ports/cortex_m/caller.h"

#include <algorithm>

extern "C" {
extern const uint8_t __code_start[], __code_end[];
extern const uint8_t __stack_low[], __stack_high[];
}

namespace tinyrig::port {
namespace {

constexpr uint32_t kLongestCall = 4;  // bytes

uint32_t Address(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

/// What lies right before a return address. Encodings: Arm DDI 0403, A7.7.18 (BL) and .19 (BLX).
Call CallBefore(uint32_t return_address) {
  const uint32_t next = return_address & ~1u;
  const auto* code = reinterpret_cast<const uint16_t*>(static_cast<uintptr_t>(next));
  const uint32_t first = code[-2], second = code[-1];
  if ((first & 0xF800) == 0xF000 && (second & 0xD000) == 0xD000) {
    const uint32_t sign = first >> 10 & 1;
    const uint32_t i1 = (second >> 13 & 1) ^ sign ^ 1, i2 = (second >> 11 & 1) ^ sign ^ 1;
    uint32_t offset = i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1;
    if (sign != 0) offset |= 0xFF000000;
    return {next + offset, return_address};
  }
  if ((second & 0xFF87) == 0x4780) return {0, return_address};
  return {};
}

}  // namespace

Call FindCall(uint32_t sp) {
  const uint32_t low = Address(__code_start) + kLongestCall, high = Address(__code_end);
  const uint32_t from = std::max(sp, Address(__stack_low)) & ~3u;
  for (uint32_t at = from; at < Address(__stack_high); at += 4) {
    const uint32_t word = *reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(at));
    if ((word & 1) == 0 || word < low || word >= high) continue;
    const Call call = CallBefore(word);
    if (call.return_address != 0) return call;
  }
  return {};
}

}  // namespace tinyrig::port
