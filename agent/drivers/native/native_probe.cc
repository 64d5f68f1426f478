#include "agent/drivers/native/native_probe.h"

#include <openssl/sha.h>

#include <algorithm>

namespace tinyrig::agent::native {
namespace {

/// Notes how long each phase of a flash takes.
class Phases {
 public:
  void Begin(const char* name) {
    End();
    phases_.push_back({name, {}});
    start_ = Clock::now();
  }
  std::vector<FlashPhase> Take() {
    End();
    return std::move(phases_);
  }

 private:
  void End() {
    if (!phases_.empty()) phases_.back().duration = Clock::now() - start_;
  }

  std::vector<FlashPhase> phases_;
  Clock::time_point start_;
};

}  // namespace

NativeProbe::NativeProbe(std::filesystem::path folder, const std::string& serial)
    : folder_(std::move(folder)) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(serial.data()), serial.size(), hash);
  std::copy_n(hash, identity_.uid.size(), identity_.uid.begin());
  identity_.tool = "native";
}

Status NativeProbe::Appear() {
  if (housing_) return OkStatus();
  TRY_ASSIGN(housing_, Housing::Open(folder_, identity_.uid));
  return OkStatus();
}

Awaitable<Result<ProbeIdentity>> NativeProbe::Identify(Deadline) {
  CO_TRY(Appear());
  co_return identity_;
}

// Local files of some hundred kilobytes: nothing here is worth a thread, and no deadline is near.
Awaitable<Result<FlashReport>> NativeProbe::Flash(FlashRequest request, Deadline) {
  CO_TRY(Appear());
  Phases phases;
  phases.Begin("flash.halt");
  housing_->Halt();
  phases.Begin("flash.write");
  FlashReport report;
  report.identity = identity_;
  for (const FlashSegment& segment : request.segments) {
    CO_TRY(housing_->WriteFlash(segment));
    std::error_code ignored;
    report.bytes_written += std::filesystem::file_size(segment.file, ignored);
  }
  phases.Begin("flash.verify");
  for (const FlashSegment& segment : request.segments) CO_TRY(housing_->VerifyFlash(segment));
  phases.Begin("flash.start");
  CO_TRY(housing_->WriteWord(request.mailbox_address, request.mailbox_word));
  CO_TRY(housing_->Start());
  report.phases = phases.Take();
  co_return report;
}

Awaitable<Result<std::vector<std::vector<uint8_t>>>> NativeProbe::ReadMemory(
    std::vector<MemoryRange> ranges, Deadline) {
  CO_TRY(Appear());
  std::vector<std::vector<uint8_t>> memory;
  for (const MemoryRange& range : ranges) {
    CO_TRY_ASSIGN(auto bytes, housing_->Read(range));
    memory.push_back(std::move(bytes));
  }
  co_return memory;
}

Awaitable<Status> NativeProbe::Reset(Deadline) {
  CO_TRY(Appear());
  co_return housing_->Start();
}

}  // namespace tinyrig::agent::native
