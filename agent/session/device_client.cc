#include "agent/session/device_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/device/crc32c.h"

namespace tinyrig::agent {
namespace {

using device::FrameType;
using device::InferenceResult;

constexpr size_t kChunkBytes = device::kMaxPayload - sizeof(device::VectorChunk);
constexpr auto kControlPatience = std::chrono::milliseconds(1000);
/// Silence after which something is taken for lost; twice as long each time until the board speaks.
/// Asking too early costs a few bytes, and the board runs a vector again only when it is idle.
constexpr auto kAckPatience = std::chrono::milliseconds(1000);
constexpr auto kFirstRunPatience = std::chrono::milliseconds(2000);  ///< The pace is not known yet.
constexpr auto kRunPatience = std::chrono::milliseconds(400);
constexpr auto kDamagedPatience = std::chrono::milliseconds(80);  ///< A damaged frame was seen.
constexpr auto kLongestPatience = std::chrono::seconds(20);
constexpr uint32_t kStackingFailed = 1u << 4 | 1u << 12;  // CFSR: MSTKERR, STKERR

bool IsTimeout(const Status& status) { return status.code() == Code::kDeadlineExceeded; }

tl::unexpected<v1::Failure> Fail(v1::FailureOwner owner, Code code, std::string message,
                                 std::vector<std::string> evidence = {}) {
  return tl::unexpected(MakeFailure(owner, code, std::move(message), std::move(evidence)));
}

tl::unexpected<v1::Failure> LinkFailed(const Status& status) {
  return tl::unexpected(BenchFailure(status));
}

const char* FaultName(uint8_t kind) {
  switch (static_cast<device::FaultKind>(kind)) {
    case device::FaultKind::kHardFault:
      return "hard fault";
    case device::FaultKind::kMemManage:
      return "memory protection fault";
    case device::FaultKind::kBusFault:
      return "bus fault";
    case device::FaultKind::kUsageFault:
      return "usage fault";
    case device::FaultKind::kStackOverflow:
      return "stack overflow";
    case device::FaultKind::kPanic:
      return "panic of the firmware";
    case device::FaultKind::kUnknown:
      break;
  }
  return "unknown fault";
}

}  // namespace

/// A vector on its way.
struct DeviceClient::Transfer {
  uint32_t index = 0;
  std::span<const uint8_t> input;
  uint32_t input_crc32c = 0;
  size_t next = 0;          ///< Next byte to send.
  size_t acked = 0;         ///< The board has this many.
  bool sent = false;        ///< All of it was handed over once.
  bool run_sent = false;    ///< The last chunk, with the run flag, is on its way.
  bool going_back = false;  ///< Acks of what was sent before going back are still coming.
  uint32_t output_bytes = 0;
  bool output_known = false;
  uint16_t last_layer = 0;  ///< Sequence number of the last layer's frame.
  bool layers_complete = false;
  uint32_t silences = 0;    ///< In a row.
  uint32_t bad_frames = 0;  ///< The link's count when the board was last asked or spoke.
  Deadline last_event{};    ///< When that was.
  bool disturbed = false;   ///< Something was lost since: the next result tells no pace.
  VectorAnswer answer;
  size_t most = 0;  ///< Of what Progressed() counts, so far.

  /// True when there is more of the vector on the board, or of its answer here, than ever before.
  bool Progressed() {
    const size_t now = acked + answer.results.size() + answer.output.size() + answer.layers.size();
    return now > std::exchange(most, std::max(most, now));
  }
};

v1::Failure FaultFailure(const device::Fault& fault) {
  std::vector<std::string> evidence = {
      fmt::format("pc {:#010x}  lr {:#010x}  sp {:#010x}  xpsr {:#010x}  exc_return {:#010x}",
                  fault.pc, fault.lr, fault.sp, fault.xpsr, fault.exc_return),
      fmt::format("cfsr {:#010x}  hfsr {:#010x}  mmfar {:#010x}  bfar {:#010x}", fault.cfsr,
                  fault.hfsr, fault.mmfar, fault.bfar),
      fmt::format("r0 {:#010x}  r1 {:#010x}  r2 {:#010x}  r3 {:#010x}  r12 {:#010x}", fault.r0,
                  fault.r1, fault.r2, fault.r3, fault.r12),
  };
  if (fault.cfsr & kStackingFailed) {
    evidence.emplace_back(
        "the core found no room to save its registers: pc is the function called last, lr its "
        "return address, as far as the stack tells (0: it does not)");
  }
  v1::Failure failure = MakeFailure(
      v1::FAILURE_OWNER_VARIANT, Code::kAborted,
      fmt::format("{} at pc {:#010x}; `tinyrig logs` has the rest, addr2line the source line",
                  FaultName(fault.kind), fault.pc),
      std::move(evidence));
  const std::pair<const char*, uint32_t> registers[] = {{"pc", fault.pc}, {"lr", fault.lr}};
  for (const auto& [name, address] : registers) {
    if (address == 0) continue;  // not known
    v1::CodeAddress* at = failure.add_code_addresses();
    at->set_register_name(name);
    at->set_address(address);
  }
  return failure;
}

Awaitable<StepResult<device::pb::Reply>> DeviceClient::Control(device::pb::Request request,
                                                               Deadline deadline) {
  const uint16_t sequence = ++sequence_;
  const std::string bytes = request.SerializeAsString();
  bool again = false;
  while (Clock::now() < deadline) {
    if (again) ++retransmits_;
    again = true;
    std::vector<uint8_t> payload(bytes.begin(), bytes.end());
    const Status sent =
        co_await link_.Send(FrameType::kControl, 0, sequence, std::move(payload), deadline);
    if (!sent.ok()) co_return LinkFailed(sent);
    const Deadline patience = Within(kControlPatience, deadline);
    while (Clock::now() < patience) {  // also when other frames keep coming
      const auto frame = co_await link_.Next(patience);
      if (!frame.ok()) {
        if (IsTimeout(frame.status())) break;
        co_return LinkFailed(frame.status());
      }
      device::Fault fault{};
      if (frame->type == FrameType::kFault &&
          device::ReadStruct(frame->payload.data(), frame->payload.size(), &fault)) {
        co_return tl::unexpected(FaultFailure(fault));
      }
      device::pb::Reply reply;
      if (frame->type == FrameType::kControlReply && frame->sequence == sequence &&
          reply.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size()))) {
        co_return reply;
      }
    }
  }
  co_return Fail(v1::FAILURE_OWNER_BENCH, Code::kDeadlineExceeded,
                 "the board answered HELLO but no control request; power-cycle it");
}

Awaitable<StepResult<device::pb::Started>> DeviceClient::Start(Deadline deadline) {
  device::pb::Request request;
  device::pb::Start& start = *request.mutable_start();
  start.set_nonce(settings_.nonce);
  start.set_vector_set_crc32c(settings_.vector_set_crc32c);
  start.set_input_bytes(settings_.input_bytes);
  start.set_warmup(settings_.warmup);
  start.set_repetitions(settings_.repetitions);
  start.set_send_outputs(true);
  start.set_observe_layers(settings_.observe_layers);
  auto reply = co_await Control(std::move(request), deadline);
  if (!reply) co_return tl::unexpected(std::move(reply.error()));
  const auto code = static_cast<Code>(reply->code());
  if (code != Code::kOk || !reply->has_started()) {
    const auto& started = reply->started();
    const std::string sizes =
        fmt::format("the board has {} bytes for arena and input, the model asks for {} and {}",
                    started.arena_limit(), started.arena_bytes(), started.input_bytes());
    co_return Fail(
        v1::FAILURE_OWNER_VARIANT, code,
        fmt::format("the board refused the model: {}; see `tinyrig plan`", CodeName(code)),
        {sizes});
  }
  co_return reply->started();
}

Awaitable<StepResult<device::pb::Finished>> DeviceClient::Finish(Deadline deadline) {
  device::pb::Request request;
  request.mutable_finish()->set_nonce(settings_.nonce);
  auto reply = co_await Control(std::move(request), deadline);
  if (!reply) co_return tl::unexpected(std::move(reply.error()));
  co_return reply->finished();
}

Awaitable<Status> DeviceClient::SendChunks(Transfer& transfer, Deadline deadline) {
  const size_t total = transfer.input.size();
  const size_t window = std::max(settings_.rx_window, link_.window());
  while (!transfer.run_sent) {
    const size_t size = std::min(kChunkBytes, total - transfer.next);
    const bool fits = transfer.next - transfer.acked + size + 64 <= window;
    if (!fits && transfer.next > transfer.acked) break;
    const bool last = transfer.next + size == total;
    device::VectorChunk head{};
    head.nonce = settings_.nonce;
    head.vector_index = transfer.index;
    head.offset = static_cast<uint32_t>(transfer.next);
    auto payload = StructBytes(head, transfer.input.subspan(transfer.next, size));
    CO_TRY(link_.Queue(FrameType::kVectorChunk, last ? device::kFlagRun : 0, ++sequence_, payload));
    transfer.next += size;
    transfer.run_sent = last;
  }
  co_return co_await link_.Flush(deadline);
}

Awaitable<StepResult<DeviceClient::VectorAnswer>> DeviceClient::Run(uint32_t vector_index,
                                                                    std::span<const uint8_t> input,
                                                                    Deadline deadline) {
  Transfer transfer;
  transfer.index = vector_index;
  transfer.input = input;
  transfer.input_crc32c = device::Crc32c(input.data(), input.size());
  const Deadline start = Clock::now();
  const Clock::duration limit = settings_.inference_timeout + kAckPatience;
  Deadline hang = Within(limit, deadline);  // Counts from the last progress: chatter is none.
  while (!Complete(transfer)) {
    if (!transfer.run_sent) {
      const Status sent = co_await SendChunks(transfer, hang);
      if (!sent.ok()) co_return LinkFailed(sent);
      if (transfer.run_sent && !transfer.sent) {
        transfer.sent = true;
        sent_.bytes += input.size();
        sent_.time += Clock::now() - start;
      }
      transfer.last_event = Clock::now();
      transfer.bad_frames = link_.bad_frames();
    }
    const auto frame = co_await link_.Next(Within(Patience(transfer), hang));
    if (frame.ok()) {
      transfer.silences = 0;
      auto taken = Take(*frame, transfer);
      if (!taken) co_return tl::unexpected(std::move(taken.error()));
      LearnPace(*frame, transfer);
      if (transfer.Progressed()) hang = Within(limit, deadline);
    } else if (!IsTimeout(frame.status())) {
      co_return LinkFailed(frame.status());
    }
    if (Clock::now() >= hang && !Complete(transfer)) {
      co_return Fail(
          v1::FAILURE_OWNER_BENCH, Code::kDeadlineExceeded,
          fmt::format("no answer to vector {} for {} ms: the board hangs or its link is "
                      "dead; it is power-cycled before the next attempt",
                      vector_index,
                      std::chrono::duration_cast<milliseconds>(Clock::now() - start).count()));
    }
    if (frame.ok()) continue;
    // Say again what the board may have missed. An empty run chunk is answered either by the
    // results or by where the board wants to go on.
    ++retransmits_;
    ++transfer.silences;
    transfer.disturbed = true;
    transfer.next = transfer.run_sent ? transfer.input.size() : transfer.acked;
    transfer.run_sent = false;
    transfer.going_back = false;
  }
  const auto& output = transfer.answer.output;
  const uint32_t output_crc32c = device::Crc32c(output.data(), output.size());
  for (const auto& [repetition, result] : transfer.answer.results) {
    if (result.output_crc32c == output_crc32c) continue;
    co_return Fail(
        v1::FAILURE_OWNER_VARIANT, Code::kDataLoss,
        fmt::format("vector {} gave other output bytes in repetition {}: the model is "
                    "not deterministic on this board",
                    vector_index, repetition),
        {fmt::format("output CRC: {:#010x} and {:#010x}", output_crc32c, result.output_crc32c)});
  }
  co_return std::move(transfer.answer);
}

Clock::duration DeviceClient::Patience(const Transfer& transfer) const {
  Clock::duration patience = kAckPatience;
  if (transfer.run_sent && pace_ == Clock::duration()) {
    patience = kFirstRunPatience;
  } else if (transfer.run_sent) {
    const bool damaged = link_.bad_frames() != transfer.bad_frames;
    patience = std::max<Clock::duration>(3 * pace_, damaged ? kDamagedPatience : kRunPatience);
  }
  for (uint32_t i = 0; i < transfer.silences && patience < kLongestPatience; ++i) patience *= 2;
  return patience;
}

void DeviceClient::LearnPace(const Frame& frame, Transfer& transfer) {
  const Deadline now = Clock::now();
  const bool undisturbed = !transfer.disturbed && link_.bad_frames() == transfer.bad_frames;
  if (frame.type == FrameType::kResult) {
    if (undisturbed) pace_ = std::max(pace_, now - transfer.last_event);
    transfer.disturbed = false;
  }
  transfer.last_event = now;
  transfer.bad_frames = link_.bad_frames();
}

StepResult<Done> DeviceClient::Take(const Frame& frame, Transfer& transfer) {
  const uint8_t* payload = frame.payload.data();
  const size_t size = frame.payload.size();
  switch (frame.type) {
    case FrameType::kFault: {
      device::Fault fault{};
      if (!device::ReadStruct(payload, size, &fault)) break;
      if (fault.nonce != settings_.nonce && fault.nonce != 0) break;
      return tl::unexpected(FaultFailure(fault));
    }
    case FrameType::kChunkAck: {
      device::ChunkAck ack{};
      if (!device::ReadStruct(payload, size, &ack)) break;
      if (ack.nonce != settings_.nonce) break;
      if (ack.code != 0) {
        return Fail(v1::FAILURE_OWNER_BENCH, static_cast<Code>(ack.code),
                    fmt::format("the board refused a part of vector {}: {}; it may have restarted. "
                                "Check its supply",
                                transfer.index, CodeName(static_cast<Code>(ack.code))));
      }
      if (ack.vector_index != transfer.index) break;
      const size_t wanted = std::min<size_t>(ack.next_offset, transfer.input.size());
      if (wanted > transfer.acked) {
        transfer.acked = wanted;
        transfer.going_back = false;
      } else if (!transfer.going_back && transfer.next > wanted) {
        // A chunk got lost: the board still wants what was sent.
        ++retransmits_;
        transfer.acked = transfer.next = wanted;
        transfer.run_sent = false;
        transfer.going_back = true;
      }
      // All bytes are there but the run was not: its flag was in the chunk that came twice.
      if (wanted == transfer.input.size() && transfer.run_sent) transfer.run_sent = false;
      break;
    }
    case FrameType::kResult:
      return TakeResult(frame, transfer);
    case FrameType::kOutput: {
      device::OutputChunk head{};
      if (!device::ReadStruct(payload, size, &head)) break;
      if (head.nonce != settings_.nonce || head.vector_index != transfer.index) break;
      const size_t data = size - sizeof(head);
      auto& output = transfer.answer.output;
      if (head.offset != output.size() || output.size() + data > transfer.output_bytes) break;
      output.insert(output.end(), payload + sizeof(head), payload + size);
      break;
    }
    case FrameType::kLayer: {
      device::LayerRecord record{};
      if (!device::ReadStruct(payload, size, &record)) break;
      if (record.nonce != settings_.nonce || record.vector_index != transfer.index) break;
      // A repeated run starts again at the first operator.
      if (record.op_index == 0) {
        transfer.answer.layers.clear();
        transfer.layers_complete = false;
      }
      if (record.op_index != transfer.answer.layers.size()) break;  // one in between got lost
      transfer.answer.layers.push_back(record);
      transfer.last_layer = frame.sequence;
      break;
    }
    default:
      break;
  }
  return Done{};
}

StepResult<Done> DeviceClient::TakeResult(const Frame& frame, Transfer& transfer) {
  InferenceResult result{};
  if (!device::ReadStruct(frame.payload.data(), frame.payload.size(), &result)) return Done{};
  if (result.nonce != settings_.nonce || result.vector_index != transfer.index ||
      result.vector_set_crc32c != settings_.vector_set_crc32c) {
    return Done{};
  }
  if (result.code != 0) {
    return Fail(v1::FAILURE_OWNER_VARIANT, static_cast<Code>(result.code),
                fmt::format("inference on vector {} failed: {}", transfer.index,
                            CodeName(static_cast<Code>(result.code))));
  }
  if (result.input_crc32c != transfer.input_crc32c) {
    return Fail(v1::FAILURE_OWNER_BENCH, Code::kDataLoss,
                fmt::format("the board saw other input bytes for vector {} than were sent; check "
                            "its RAM and supply",
                            transfer.index),
                {fmt::format("input CRC: expected {:#010x}, found {:#010x}", transfer.input_crc32c,
                             result.input_crc32c)});
  }
  if (static_cast<device::Phase>(result.phase) == device::Phase::kWarmup) {
    transfer.answer.warmups.push_back(result);
    return Done{};
  }
  if (result.repetition >= settings_.repetitions) return Done{};
  // Layers lost on the way: not taking the result asks for another run.
  transfer.layers_complete = LayersComplete(frame, transfer);
  if (settings_.observe_layers && !transfer.layers_complete) return Done{};
  if (result.output_size > 0) {
    // The output follows, again from its start when this is a repeated run.
    transfer.output_bytes = result.output_size;
    transfer.output_known = true;
    transfer.answer.output.clear();
  }
  transfer.answer.results.emplace(result.repetition, result);
  return Done{};
}

bool DeviceClient::Complete(const Transfer& transfer) const {
  const VectorAnswer& answer = transfer.answer;
  if (answer.results.size() != settings_.repetitions || !transfer.output_known) return false;
  // A run that was repeated for its output alone brings its layers again.
  if (settings_.observe_layers && !transfer.layers_complete) return false;
  return answer.output.size() == transfer.output_bytes;
}

bool DeviceClient::LayersComplete(const Frame& result, const Transfer& transfer) {
  // The board numbers its frames, and a run's layers come right before its result.
  const auto& layers = transfer.answer.layers;
  return !layers.empty() && result.sequence == static_cast<uint16_t>(transfer.last_layer + 1);
}

}  // namespace tinyrig::agent
