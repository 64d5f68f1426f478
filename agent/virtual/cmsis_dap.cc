#include "agent/virtual/cmsis_dap.h"

#include <array>
#include <optional>
#include <utility>

namespace tinyrig::agent::vboard {
namespace {

enum Command : uint8_t {
  kInfo = 0x00,
  kHostStatus = 0x01,
  kConnect = 0x02,
  kDisconnect = 0x03,
  kTransferConfigure = 0x04,
  kTransfer = 0x05,
  kTransferBlock = 0x06,
  kTransferAbort = 0x07,
  kWriteAbort = 0x08,
  kDelay = 0x09,
  kResetTarget = 0x0A,
  kSwjPins = 0x10,
  kSwjClock = 0x11,
  kSwjSequence = 0x12,
  kSwdConfigure = 0x13,
  kSwdSequence = 0x1D,
  kInvalid = 0xFF,
};

constexpr uint8_t kDapOk = 0x00;
constexpr uint8_t kDapError = 0xFF;
constexpr uint8_t kPortSwd = 1;

// Bits of a transfer request and of the acknowledge byte in the reply.
constexpr uint8_t kAccessPort = 0x01;
constexpr uint8_t kReadRegister = 0x02;
constexpr uint8_t kAddressMask = 0x0C;
constexpr uint8_t kMatchValue = 0x10;
constexpr uint8_t kMatchMask = 0x20;
constexpr uint8_t kProtocolError = 0x08;
constexpr uint8_t kValueMismatch = 0x10;

constexpr uint8_t kDpAbort = 0x00;
// Transfer replies carry 3 or 4 bytes before the data words.
constexpr size_t kMaxBlockWords = (CmsisDap::kPacketBytes - 4) / 4;

void PutWord(std::vector<uint8_t>& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

}  // namespace

/// Takes fields off the front of a request; remembers when it had to invent one.
class CmsisDap::Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool truncated() const { return truncated_; }
  std::optional<uint8_t> Peek() const {
    return bytes_.empty() ? std::nullopt : std::optional(bytes_.front());
  }
  bool HasWord() const { return bytes_.size() >= 4; }

  uint8_t U8() { return static_cast<uint8_t>(Little(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Little(2)); }
  uint32_t U32() { return Little(4); }

  std::span<const uint8_t> Bytes(size_t count) {
    if (count > bytes_.size()) {
      truncated_ = true;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

 private:
  uint32_t Little(size_t count) {
    uint32_t value = 0;
    int shift = 0;
    for (const uint8_t byte : Bytes(count)) {
      value |= static_cast<uint32_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool truncated_ = false;
};

CmsisDap::CmsisDap(SwdPort& port, ProbeIdentity identity)
    : port_(port), identity_(std::move(identity)) {}

std::vector<uint8_t> CmsisDap::Execute(std::span<const uint8_t> request) {
  if (request.empty()) return {};
  Reader in(request);
  const uint8_t command = in.U8();
  Reply out;
  out.reserve(kPacketBytes);
  out.push_back(command);
  switch (command) {
    case kInfo:
      Info(in, out);
      break;
    case kHostStatus:
      in.Bytes(2);
      out.push_back(kDapOk);
      break;
    case kConnect:
      Connect(in, out);
      break;
    case kDisconnect:
      out.push_back(kDapOk);
      break;
    case kTransferConfigure:
      TransferConfigure(in, out);
      break;
    case kTransfer:
      Transfer(in, out);
      break;
    case kTransferBlock:
      TransferBlock(in, out);
      break;
    case kTransferAbort:
      return {};
    case kWriteAbort:
      WriteAbort(in, out);
      break;
    case kDelay:
      in.Bytes(2);
      out.push_back(in.truncated() ? kDapError : kDapOk);
      break;
    case kResetTarget:
      out.insert(out.end(), {kDapOk, 0});
      break;  // no device-specific reset
    case kSwjPins:
      SwjPins(in, out);
      break;
    case kSwjClock:
      in.Bytes(4);
      out.push_back(in.truncated() ? kDapError : kDapOk);
      break;
    case kSwjSequence:
      SwjSequence(in, out);
      break;
    case kSwdConfigure:
      in.Bytes(1);
      out.push_back(in.truncated() ? kDapError : kDapOk);
      break;
    case kSwdSequence:
      SwdSequence(in, out);
      break;
    default:
      return Reply(1, kInvalid);
  }
  return out;
}

void CmsisDap::Info(Reader& in, Reply& out) {
  const auto text = [&out](const std::string& value) {
    const size_t length = std::min<size_t>(value.size(), 62);
    out.push_back(static_cast<uint8_t>(length + 1));
    out.insert(out.end(), value.begin(), value.begin() + static_cast<std::ptrdiff_t>(length));
    out.push_back(0);
  };
  const uint8_t id = in.U8();
  if (in.truncated()) {
    out.push_back(0);
    return;
  }
  switch (id) {
    case 0x01:
      text(identity_.vendor);
      break;
    case 0x02:
      text(identity_.product);
      break;
    case 0x03:
      text(identity_.serial);
      break;
    case 0x04:
      text(identity_.firmware_version);
      break;
    case 0xF0:
      out.insert(out.end(), {1, 0x01});
      break;  // capabilities: SWD only
    case 0xFE:
      out.insert(out.end(), {1, 4});
      break;  // packets in flight
    case 0xFF:
      out.insert(out.end(), {2, kPacketBytes & 0xFF, kPacketBytes >> 8});
      break;
    default:
      out.push_back(0);
      break;  // no such information
  }
}

void CmsisDap::Connect(Reader& in, Reply& out) {
  const uint8_t port = in.U8();
  const bool ok = !in.truncated() && (port == 0 || port == kPortSwd);
  out.push_back(ok ? kPortSwd : 0);
}

void CmsisDap::TransferConfigure(Reader& in, Reply& out) {
  in.U8();  // idle cycles cost nothing here
  const uint16_t wait_retries = in.U16();
  const uint16_t match_retries = in.U16();
  if (!in.truncated()) {
    wait_retries_ = wait_retries;
    match_retries_ = match_retries;
  }
  out.push_back(in.truncated() ? kDapError : kDapOk);
}

SwdOutcome CmsisDap::ReadRetrying(bool access_port, uint8_t address, std::span<uint32_t> out) {
  SwdOutcome all;
  for (uint32_t retry = 0;; ++retry) {
    const SwdOutcome part = port_.Read(access_port, address, out.subspan(all.done));
    all = {part.ack, all.done + part.done};
    if (part.ack != Ack::kWait || retry >= wait_retries_) return all;
  }
}

SwdOutcome CmsisDap::WriteRetrying(bool access_port, uint8_t address,
                                   std::span<const uint32_t> in) {
  SwdOutcome all;
  for (uint32_t retry = 0;; ++retry) {
    const SwdOutcome part = port_.Write(access_port, address, in.subspan(all.done));
    all = {part.ack, all.done + part.done};
    if (part.ack != Ack::kWait || retry >= wait_retries_) return all;
  }
}

uint8_t CmsisDap::ReadMatching(bool access_port, uint8_t address, uint32_t wanted) {
  for (uint32_t retry = 0;; ++retry) {
    uint32_t value = 0;
    const SwdOutcome outcome = ReadRetrying(access_port, address, {&value, 1});
    const auto ack = static_cast<uint8_t>(outcome.ack);
    if (outcome.ack != Ack::kOk || (value & match_mask_) == wanted) return ack;
    if (retry >= match_retries_) return ack | kValueMismatch;
  }
}

// Neighbours with the same request byte run as one: that is what makes a load fast, for the
// memory behind the port then sees blocks instead of words.
void CmsisDap::Transfer(Reader& in, Reply& out) {
  in.U8();  // DAP index: SWD has one
  const uint8_t count = in.U8();
  uint8_t done = 0;
  uint8_t ack = static_cast<uint8_t>(Ack::kOk);
  std::vector<uint8_t> data;
  std::array<uint32_t, 256> words;
  while (done < count && ack == static_cast<uint8_t>(Ack::kOk)) {
    const uint8_t request = in.U8();
    const bool access_port = (request & kAccessPort) != 0;
    const uint8_t address = request & kAddressMask;
    const bool read = (request & kReadRegister) != 0;
    const bool special = (request & (read ? kMatchValue : kMatchMask)) != 0;
    const uint32_t operand = special ? in.U32() : 0;
    if (in.truncated()) {
      ack = kProtocolError;
    } else if (special && read) {
      ack = ReadMatching(access_port, address, operand);
      if (ack == static_cast<uint8_t>(Ack::kOk)) ++done;
    } else if (special) {
      match_mask_ = operand;
      ++done;
    } else {
      size_t run = 0;
      do {
        if (run > 0) in.U8();
        if (!read) words[run] = in.U32();
        ++run;
      } while (!in.truncated() && done + run < count && in.Peek() == request);
      if (in.truncated()) --run;
      const std::span<uint32_t> block(words.data(), run);
      const SwdOutcome outcome = read ? ReadRetrying(access_port, address, block)
                                      : WriteRetrying(access_port, address, block);
      for (size_t i = 0; read && i < outcome.done; ++i) PutWord(data, words[i]);
      done = static_cast<uint8_t>(done + outcome.done);
      ack = static_cast<uint8_t>(outcome.ack);
      if (outcome.ack == Ack::kOk && in.truncated()) ack = kProtocolError;
    }
  }
  out.push_back(done);
  out.push_back(ack);
  out.insert(out.end(), data.begin(), data.end());
}

void CmsisDap::TransferBlock(Reader& in, Reply& out) {
  in.U8();  // DAP index
  const uint16_t count = in.U16();
  const uint8_t request = in.U8();
  const bool access_port = (request & kAccessPort) != 0;
  const uint8_t address = request & kAddressMask;
  const bool read = (request & kReadRegister) != 0;
  std::array<uint32_t, kMaxBlockWords> words;
  size_t run = 0;
  if (!in.truncated()) {
    // More than fits a packet cannot be answered, or was not sent: do what fits, then say so.
    while (run < count && run < words.size() && (read || in.HasWord())) {
      if (!read) words[run] = in.U32();
      ++run;
    }
  }
  const std::span<uint32_t> block(words.data(), run);
  SwdOutcome outcome;
  if (run > 0) {
    outcome = read ? ReadRetrying(access_port, address, block)
                   : WriteRetrying(access_port, address, block);
  }
  uint8_t ack = static_cast<uint8_t>(outcome.ack);
  if (outcome.ack == Ack::kOk && (run < count || in.truncated())) ack = kProtocolError;
  out.push_back(static_cast<uint8_t>(outcome.done));
  out.push_back(static_cast<uint8_t>(outcome.done >> 8));
  out.push_back(ack);
  for (size_t i = 0; read && i < outcome.done; ++i) PutWord(out, words[i]);
}

void CmsisDap::WriteAbort(Reader& in, Reply& out) {
  in.U8();  // DAP index
  const uint32_t value = in.U32();
  if (in.truncated()) {
    out.push_back(kDapError);
    return;
  }
  const SwdOutcome outcome = port_.Write(false, kDpAbort, {&value, 1});
  out.push_back(outcome.ack == Ack::kOk ? kDapOk : kDapError);
}

void CmsisDap::SwjPins(Reader& in, Reply& out) {
  constexpr uint8_t kClock = 0x01, kData = 0x02, kReset = 0x80;
  const uint8_t level = in.U8();
  const uint8_t select = in.U8();
  in.U32();  // how long to wait for the pins to settle: they do at once
  if (!in.truncated() && (select & kReset)) port_.SetReset((level & kReset) != 0);
  out.push_back(kClock | kData | (port_.reset_released() ? kReset : 0));
}

void CmsisDap::SwjSequence(Reader& in, Reply& out) {
  const uint8_t count = in.U8();
  const size_t bits = count == 0 ? 256 : count;
  const auto levels = in.Bytes((bits + 7) / 8);
  if (!in.truncated()) port_.Sequence(levels, bits);
  out.push_back(in.truncated() ? kDapError : kDapOk);
}

void CmsisDap::SwdSequence(Reader& in, Reply& out) {
  const uint8_t count = in.U8();
  std::vector<uint8_t> captured;
  for (uint8_t i = 0; i < count && !in.truncated(); ++i) {
    const uint8_t info = in.U8();
    const size_t bits = (info & 0x3F) == 0 ? 64 : (info & 0x3F);
    const size_t bytes = (bits + 7) / 8;
    const bool input = (info & 0x80) != 0;
    if (input && captured.size() + bytes + 2 <= kPacketBytes) {
      captured.insert(captured.end(), bytes, 0xFF);  // an undriven line is pulled up
    } else if (!input) {
      const auto levels = in.Bytes(bytes);
      if (!in.truncated()) port_.Sequence(levels, bits);
    }
  }
  out.push_back(in.truncated() ? kDapError : kDapOk);
  if (!in.truncated()) out.insert(out.end(), captured.begin(), captured.end());
}

}  // namespace tinyrig::agent::vboard
