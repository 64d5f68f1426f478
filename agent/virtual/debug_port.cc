#include "agent/virtual/debug_port.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kStickyErr = 1u << 5;
constexpr uint32_t kReadOk = 1u << 6;
constexpr uint32_t kStickyBits = 0xB2;  // STICKYORUN, STICKYCMP, STICKYERR, WDATAERR
constexpr uint32_t kDebugPowerRequest = 1u << 28;
constexpr uint32_t kDebugPowerAck = 1u << 29;
constexpr uint32_t kResetRequest = 1u << 26;
constexpr uint32_t kCtrlStatWritable = 0x54FFFF0D;

constexpr uint32_t kCswReset = 0x43800042;
constexpr uint32_t kCswWritable = 0xFF000037;
constexpr uint32_t kCswDeviceEnabled = 0x40;

constexpr uint8_t kApCsw = 0x00;
constexpr uint8_t kApTar = 0x04;
constexpr uint8_t kApDrw = 0x0C;
constexpr uint8_t kApBase = 0xF8;
constexpr uint8_t kApIdr = 0xFC;

constexpr uint32_t kAutoIncrementBlock = 4096;
constexpr uint32_t kLineResetOnes = 50;
constexpr uint16_t kJtagToSwd = 0xE79E;
constexpr uint16_t kSwdToJtag = 0xE73C;

}  // namespace

void DebugPort::PowerOnReset() {
  swd_selected_ = false;
  ones_ = code_bits_left_ = 0;
  shift_ = 0;
  select_ = ctrl_stat_ = dlcr_ = rdbuff_ = tar_ = 0;
  csw_ = kCswReset;
}

// The select codes count only as the 16 bits right behind a line reset (at least 50 ones); found
// anywhere else they are data, and acting on them would drop the link in the middle of a load.
void DebugPort::Sequence(std::span<const uint8_t> bits, size_t bit_count) {
  if (listening && !listening()) return;
  for (size_t i = 0; i < bit_count; ++i) {
    const bool level = (bits[i / 8] >> (i % 8)) & 1;
    shift_ = static_cast<uint16_t>((shift_ >> 1) | (level ? 0x8000 : 0));
    if (!level && ones_ >= kLineResetOnes) {
      select_ = 0;
      code_bits_left_ = 16;  // both codes start with this zero
    }
    ones_ = level ? ones_ + 1 : 0;
    if (code_bits_left_ == 0 || --code_bits_left_ > 0) continue;
    if (shift_ == kJtagToSwd) swd_selected_ = true;
    if (shift_ == kSwdToJtag) swd_selected_ = false;
  }
}

DebugPort::Reach DebugPort::AskContact(size_t wanted, bool access_port, bool read) {
  Reach reach{wanted, Ack::kOk};
  if (contact && wanted > 0) reach = contact(wanted, access_port, read);
  return reach.transfers >= wanted ? Reach{wanted, Ack::kOk} : reach;
}

SwdOutcome DebugPort::Outcome(Ack ack, size_t done) {
  if (ack == Ack::kFault) ctrl_stat_ |= kStickyErr;
  return {ack, done};
}

SwdOutcome DebugPort::Read(bool access_port, uint8_t address, std::span<uint32_t> out) {
  const auto [reach, beyond] = AskContact(out.size(), access_port, true);
  if (!swd_selected_) return {out.empty() ? Ack::kOk : Ack::kNone, 0};
  if (reach == 0) return Outcome(beyond, 0);
  const auto reached = out.first(reach);
  if (!access_port) {
    for (size_t i = 0; i < reach; ++i) {
      const Ack ack = ReadDp(address, reached[i]);
      if (ack != Ack::kOk) return {ack, i};
    }
    return Outcome(beyond, reach);
  }
  if (!ApReady()) return {Ack::kFault, 0};
  size_t done = reach;
  if (IsData(address)) {
    done = ReadData(address, reached);
  } else {
    std::ranges::fill(reached, ReadApRegister(ApAddress(address)));
  }
  if (done > 0) rdbuff_ = reached[done - 1];
  return Outcome(done < reach ? Ack::kFault : beyond, done);
}

SwdOutcome DebugPort::Write(bool access_port, uint8_t address, std::span<const uint32_t> in) {
  const auto [reach, beyond] = AskContact(in.size(), access_port, false);
  if (!swd_selected_) return {in.empty() ? Ack::kOk : Ack::kNone, 0};
  if (reach == 0) return Outcome(beyond, 0);
  const auto reached = in.first(reach);
  if (!access_port) {
    for (size_t i = 0; i < reach; ++i) {
      const Ack ack = WriteDp(address, reached[i]);
      if (ack != Ack::kOk) return {ack, i};
    }
    return Outcome(beyond, reach);
  }
  if (!ApReady()) return {Ack::kFault, 0};
  size_t done = reach;
  if (IsData(address)) {
    done = WriteData(address, reached);
  } else {
    WriteApRegister(ApAddress(address), reached.back());
  }
  return Outcome(done < reach ? Ack::kFault : beyond, done);
}

// JTAG has no parity: such a fault has no meaning here.
Ack DebugPort::JtagAccess(bool access_port, bool read, uint8_t address, uint32_t& value) {
  const auto [reach, beyond] = AskContact(1, access_port, read);
  if (reach == 0 && beyond != Ack::kParity) return Outcome(beyond, 0).ack;
  if (!access_port) {
    JtagDp(read, address, value);
    return Ack::kOk;
  }
  bool done = ApReady();
  if (!done) {
    value = 0;
  } else if (IsData(address)) {
    done = (read ? ReadData(address, {&value, 1}) : WriteData(address, {&value, 1})) == 1;
  } else if (read) {
    value = ReadApRegister(ApAddress(address));
  } else {
    WriteApRegister(ApAddress(address), value);
  }
  return Outcome(done ? Ack::kOk : Ack::kFault, 0).ack;
}

void DebugPort::JtagDp(bool read, uint8_t address, uint32_t& value) {
  if (!read) {
    if (address == 0x4 && (select_ & 0xF) == 0) ctrl_stat_ &= ~(value & kStickyBits);
    const uint32_t sticky = std::exchange(ctrl_stat_, ctrl_stat_ & ~kStickyErr) & kStickyErr;
    if (address != 0x0) WriteDp(address, value);  // 0x0 is ABORT in SWD only
    ctrl_stat_ |= sticky;
    return;
  }
  if (address == 0x8) {
    value = select_;
  } else if (address == 0xC) {
    value = 0;  // RDBUFF: the result that matters came with the scan before
  } else {
    ReadDp(address, value);
    if (address == 0x4) value &= ~kReadOk;
  }
}

void DebugPort::SetReset(bool released) {
  if (released == reset_released_) return;
  reset_released_ = released;
  if (on_reset_pin) on_reset_pin(released);
}

// With the sticky error set only the reads that explain it, and ABORT, still work.
Ack DebugPort::ReadDp(uint8_t address, uint32_t& value) {
  const bool sticky = (ctrl_stat_ & kStickyErr) != 0;
  switch (address) {
    case 0x0:
      value = ids_.dpidr;
      return Ack::kOk;
    case 0x4:
      switch (select_ & 0xF) {
        case 0:
          value = ctrl_stat_ | (sticky ? 0 : kReadOk);
          break;
        case 1:
          value = dlcr_;
          break;
        default:
          value = 0;
          break;
      }
      return Ack::kOk;
    default:
      if (sticky) return Ack::kFault;
      value = rdbuff_;
      return Ack::kOk;
  }
}

Ack DebugPort::WriteDp(uint8_t address, uint32_t value) {
  if (address == 0x0) {  // ABORT: bits 1..4 clear STICKYCMP, STICKYERR, WDATAERR, STICKYORUN
    if (value & 0x02) ctrl_stat_ &= ~(1u << 4);
    if (value & 0x04) ctrl_stat_ &= ~kStickyErr;
    if (value & 0x08) ctrl_stat_ &= ~(1u << 7);
    if (value & 0x10) ctrl_stat_ &= ~(1u << 1);
    return Ack::kOk;
  }
  if (ctrl_stat_ & kStickyErr) return Ack::kFault;
  if (address == 0x8) select_ = value;
  if (address == 0x4 && (select_ & 0xF) == 1) dlcr_ = value & 0x300;
  if (address == 0x4 && (select_ & 0xF) == 0) {
    ctrl_stat_ = (ctrl_stat_ & kStickyBits) | (value & kCtrlStatWritable);
    // Each request bit is acknowledged by the bit above it, at once.
    ctrl_stat_ |= (value & (kResetRequest | kDebugPowerRequest | (1u << 30))) << 1;
  }
  return Ack::kOk;
}

bool DebugPort::ApReady() const {
  return (ctrl_stat_ & kStickyErr) == 0 && (ctrl_stat_ & kDebugPowerAck) != 0;
}

bool DebugPort::IsData(uint8_t address) const {
  if ((select_ >> 24) != 0) return false;
  const uint8_t bank = select_ & 0xF0;
  return bank == 0x10 || (bank == 0 && address == kApDrw);
}

uint32_t DebugPort::ReadApRegister(uint8_t address) const {
  if ((select_ >> 24) != 0) return 0;
  switch (address) {
    case kApCsw:
      return csw_;
    case kApTar:
      return tar_;
    case kApBase:
      return ids_.ap_base;
    case kApIdr:
      return ids_.ap_idr;
    default:
      return 0;
  }
}

void DebugPort::WriteApRegister(uint8_t address, uint32_t value) {
  if ((select_ >> 24) != 0) return;
  if (address == kApCsw) csw_ = (value & kCswWritable) | kCswDeviceEnabled;
  if (address == kApTar) tar_ = value;
}

DebugPort::Run DebugPort::NextRun(uint8_t address, size_t transfers) const {
  if (select_ & 0xF0) return {(tar_ & ~0xFu) | address, 4, 1, 0, 1};
  Run run = {tar_, 1u << std::min(csw_ & 7u, 2u), 1, 0, 1};
  const uint32_t mode = (csw_ >> 4) & 3;
  if (mode == 2) run.per_word = 4 / run.width;
  if (mode == 1 || mode == 2) run.increment = run.width * run.per_word;
  run.address &= ~(run.width - 1);
  if (run.increment > 0) {
    const size_t to_wrap =
        (kAutoIncrementBlock - run.address % kAutoIncrementBlock) / run.increment;
    run.transfers = std::clamp<size_t>(to_wrap, 1, transfers);
  }
  return run;
}

void DebugPort::Advance(const Run& run, size_t transfers) {
  const auto moved = static_cast<uint32_t>(transfers) * run.increment;
  constexpr uint32_t kInside = kAutoIncrementBlock - 1;
  tar_ = (tar_ & ~kInside) | ((tar_ + moved) & kInside);
}

// Sub-word data sits in the byte lane that its address selects.
size_t DebugPort::ReadData(uint8_t address, std::span<uint32_t> out) {
  std::vector<uint8_t> bytes;
  for (size_t done = 0; done < out.size();) {
    const Run run = NextRun(address, out.size() - done);
    const uint32_t bytes_per_word = run.width * run.per_word;
    bytes.assign(run.transfers * bytes_per_word, 0);
    const size_t got = bus_.Read(run.address, run.width, bytes) / run.per_word;
    for (size_t i = 0; i < got * bytes_per_word; ++i) {
      uint32_t& word = out[done + i / bytes_per_word];
      if (i % bytes_per_word == 0) word = 0;
      word |= uint32_t{bytes[i]} << (8 * ((run.address + i) & 3));
    }
    Advance(run, got);
    done += got;
    if (got < run.transfers) return done;
  }
  return out.size();
}

size_t DebugPort::WriteData(uint8_t address, std::span<const uint32_t> in) {
  std::vector<uint8_t> bytes;
  for (size_t done = 0; done < in.size();) {
    const Run run = NextRun(address, in.size() - done);
    const uint32_t bytes_per_word = run.width * run.per_word;
    bytes.resize(run.transfers * bytes_per_word);
    for (size_t i = 0; i < bytes.size(); ++i) {
      const uint32_t word = in[done + i / bytes_per_word];
      bytes[i] = static_cast<uint8_t>(word >> (8 * ((run.address + i) & 3)));
    }
    const size_t put = bus_.Write(run.address, run.width, bytes) / run.per_word;
    Advance(run, put);
    done += put;
    if (put < run.transfers) return done;
  }
  return in.size();
}

}  // namespace tinyrig::agent::vboard
