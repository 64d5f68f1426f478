#include "tests/integration/server/fake_agent.h"

#include <gtest/gtest.h>

#include "firmware/compiler/reference_run.h"
#include "proto/device/crc32c.h"
#include "proto/vectors/vector_set.h"
#include "server/model/sha256.h"

namespace tinyrig::server {

FakeAgent::FakeAgent(std::string address, std::vector<std::string> boards, std::string id)
    : client_(address),
      id_(std::move(id)),
      boards_(std::move(boards)),
      stub_(v1::AgentService::NewStub(client_.channel)) {}

FakeAgent::~FakeAgent() { Disconnect(); }

std::string FakeAgent::KeyText(const v1::AttemptKey& key) { return key.SerializeAsString(); }

bool IsReference(const v1::LeaseOffer& offer) { return offer.power_cycle(); }

bool FakeAgent::Connect() {
  if (reader_.joinable()) reader_.join();  // It may still finish the stream before.
  context_ = std::make_unique<grpc::ClientContext>();
  stream_ = stub_->Connect(context_.get());
  v1::AgentMessage message;
  v1::AgentHello& hello = *message.mutable_hello();
  hello.set_agent_id(id_);
  hello.set_bench("bench of " + id_);
  hello.set_version("fake");
  std::vector<v1::AttemptResult> spooled;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& board : boards_) {
      v1::AgentBoard& described = *hello.add_boards();
      described.set_board_id(board);
      described.set_board_type("virtual_m4");
      described.set_probe_serial("SERIAL-" + board);
      if (broken.contains(board)) described.set_broken("unplugged");
    }
    for (const auto& [text, key] : running_) *hello.add_held() = key;
    for (const auto& [text, result] : spool_) {
      *hello.add_held() = result.key();
      spooled.push_back(result);
    }
    if (!stream_->Write(message)) return false;
    connected_ = true;
  }
  for (const v1::AttemptResult& result : spooled) {
    v1::AgentMessage again;
    *again.mutable_result() = result;
    Send(again);
  }
  reader_ = std::thread([this] { Read(); });
  return true;
}

void FakeAgent::ConnectForever() {
  again_ = true;
  forever_ = std::thread([this] {
    while (again_) {
      if (!connected_) Connect();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
}

void FakeAgent::Disconnect(bool forget) {
  again_ = false;
  if (forever_.joinable()) forever_.join();
  if (context_ != nullptr) context_->TryCancel();
  if (reader_.joinable()) reader_.join();
  const std::lock_guard lock(mutex_);
  connected_ = false;
  if (!forget) return;
  running_.clear();
  spool_.clear();
}

void FakeAgent::Read() {
  v1::ServerMessage message;
  while (stream_->Read(&message)) Handle(message);
  {
    const std::lock_guard lock(mutex_);
    connected_ = false;
  }
  (void)stream_->Finish();
}

void FakeAgent::Handle(const v1::ServerMessage& message) {
  if (message.has_offer()) {
    ++offers;
    {
      const std::lock_guard lock(mutex_);
      running_[KeyText(message.offer().key())] = message.offer().key();
    }
    if (on_offer) on_offer(message.offer());
  } else if (message.has_ack() && !lose_acks) {
    ++acks;
    const std::lock_guard lock(mutex_);
    spool_.erase(KeyText(message.ack().key()));
  } else if (message.has_cancel()) {
    ++cancels;
    {
      const std::lock_guard lock(mutex_);
      running_.erase(KeyText(message.cancel().key()));
    }
    if (on_cancel) on_cancel(message.cancel());
  }
}

void FakeAgent::Send(const v1::AgentMessage& message) {
  const std::lock_guard lock(mutex_);
  if (connected_) stream_->Write(message);
}

void FakeAgent::Finish(const v1::AttemptResult& result) {
  {
    const std::lock_guard lock(mutex_);
    running_.erase(KeyText(result.key()));
    spool_[KeyText(result.key())] = result;
  }
  v1::AgentMessage message;
  *message.mutable_result() = result;
  Send(message);
}

void FakeAgent::Refuse(const v1::LeaseOffer& offer, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    running_.erase(KeyText(offer.key()));
  }
  v1::AgentMessage message;
  *message.mutable_refused()->mutable_key() = offer.key();
  message.mutable_refused()->set_reason(reason);
  Send(message);
}

void FakeAgent::Progress(const v1::LeaseOffer& offer, const std::string& phase, uint32_t done,
                         uint32_t total, const std::string& log) {
  v1::AgentMessage message;
  v1::AttemptProgress& progress = *message.mutable_progress();
  *progress.mutable_key() = offer.key();
  progress.set_phase(phase);
  progress.set_done(done);
  progress.set_total(total);
  progress.set_log(log);
  Send(message);
}

v1::AttemptResult FakeAgent::Failed(const v1::LeaseOffer& offer, v1::FailureOwner owner,
                                    const std::string& message) {
  v1::AttemptResult result;
  *result.mutable_key() = offer.key();
  result.set_board_id(offer.board_id());
  result.mutable_failure()->set_owner(owner);
  result.mutable_failure()->set_message(message);
  result.add_log("it went wrong");
  return result;
}

v1::AttemptResult FakeAgent::Measure(const v1::LeaseOffer& offer) {
  v1::AttemptResult result;
  *result.mutable_key() = offer.key();
  result.set_agent_id(id_);
  result.set_board_id(offer.board_id());
  const std::string blob = client_.Download(offer.image().segments(1).artifact().sha256());
  auto runner = compiler::ReferenceRunner::Make(AsBytes(blob));
  vectors::VectorSet set;
  if (offer.vectors().has_npz()) {
    const std::string npz = client_.Download(offer.vectors().npz().sha256());
    const auto* first = reinterpret_cast<const uint8_t*>(npz.data());
    auto read =
        vectors::ReadVectorSet(std::span(first, npz.size()), "npz", vectors::Parts::kInputsOnly);
    if (read.ok()) set = std::move(*read);
  } else {
    std::vector<vectors::InputTensor> inputs;
    for (const v1::InputTensor& tensor : offer.execution().inputs()) {
      inputs.push_back({tensor.elements(), tensor.is_float32()});
    }
    auto made = vectors::MakePatternSet(offer.vectors().patterns(), inputs);
    if (made.ok()) set = std::move(*made);
  }
  if (!runner.ok() || set.count == 0)
    return Failed(offer, v1::FAILURE_OWNER_SERVICE, "cannot run the offer");
  result.set_vector_set_crc32c(set.Crc32c());
  result.set_nonce(0x1122334455667788);
  v1::Identity& identity = *result.mutable_identity();
  identity.set_build_id(offer.image().build_id());
  identity.set_clock_hz(15'625'000);
  identity.set_counter_hz(25'000'000);
  identity.set_counter_kind(1);
  // More bytes of code, more instructions: enough for a front that is not one point.
  const uint32_t instructions = 1'000'000 - static_cast<uint32_t>(blob.size());
  for (uint32_t v = 0; v < set.count; ++v) {
    const auto output = runner->Run(std::as_bytes(set.input(v)));
    v1::VectorOutput& sent = *result.add_outputs();
    sent.set_vector_index(v);
    sent.set_data(std::string(AsText(output->bytes)));
    for (uint32_t r = 0; r < offer.execution().repetitions(); ++r) {
      v1::InferenceSample& sample = *result.add_samples();
      sample.set_vector_index(v);
      sample.set_repetition(r);
      sample.set_ticks(instructions * 8 / 5);
      sample.set_input_crc32c(device::Crc32c(set.input(v).data(), set.input(v).size()));
      sample.set_output_crc32c(device::Crc32c(output->bytes.data(), output->bytes.size()));
    }
  }
  result.mutable_marks()->set_arena_used_bytes(offer.execution().arena_bytes());
  result.mutable_marks()->set_stack_used_bytes(400);
  v1::Span& span = *result.add_timeline();
  span.set_name("stream");
  span.set_duration_us(5000);
  result.set_started_us(1);
  result.set_ended_us(5001);
  result.add_tools("fake 1.0");
  result.add_log("measured on the host");
  return result;
}

}  // namespace tinyrig::server
