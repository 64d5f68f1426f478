#include "server/service/judge.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/planning/expected.h"
#include "server/scheduling/retry.h"

namespace tinyrig::server {
namespace {

constexpr int kZstdLevel = 3;
constexpr int kMaxLogLines = 10'000;

void BlameVariantForRepeatedHang(const v1::Job& job, const v1::AttemptResult& result,
                                 v1::Failure* failure) {
  v1::Attempt attempt;
  attempt.set_attempt(result.key().attempt());
  attempt.set_board_id(result.board_id());
  *attempt.mutable_timeline() = result.timeline();
  *attempt.mutable_failure() = *failure;
  if (!IsHang(attempt)) return;
  const std::string earlier = EarlierHang(job, attempt);
  if (earlier.empty()) return;
  failure->set_owner(v1::FAILURE_OWNER_VARIANT);
  failure->add_evidence(
      fmt::format("it hung on board {} before and now on {}: not the board's fault", earlier,
                  result.board_id()));
}

/// "pc is Conv2d + 0x1c": the image's own symbols, when this server still has that build.
void NameCodeAddresses(const Catalog& catalog, const std::string& build_id, v1::Failure* failure) {
  if (failure->code_addresses().empty()) return;
  const Bundle* bundle = catalog.FindBuild(build_id);
  for (const v1::CodeAddress& at : failure->code_addresses()) {
    const std::string name =
        bundle == nullptr ? std::string() : bundle->symbols.NameOf(at.address());
    if (!name.empty()) failure->add_evidence(fmt::format("{} is in {}", at.register_name(), name));
  }
}

/// 0: the firmware's description does not say it.
uint64_t ClockOf(const std::string& provenance) {
  static const nlohmann::json::json_pointer kClock("/board_type/clock_hz");
  const auto firmware = nlohmann::json::parse(provenance, nullptr, false);
  if (!firmware.contains(kClock) || !firmware[kClock].is_number_unsigned()) return 0;
  return firmware[kClock].get<uint64_t>();
}

std::vector<std::string> EarlierFailures(const v1::Job& job, uint32_t attempt) {
  std::vector<std::string> lines;
  for (const v1::Attempt& earlier : job.attempts()) {
    if (earlier.attempt() >= attempt || !earlier.has_failure()) continue;
    lines.push_back(FailedAttemptLine(earlier.attempt(), earlier.board_id(), earlier.failure()));
  }
  return lines;
}

}  // namespace

Result<std::vector<std::byte>> Pack(std::span<const std::byte> bytes) {
  std::vector<std::byte> packed(ZSTD_compressBound(bytes.size()));
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0)
    return Status(Code::kInternal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  packed.resize(size);
  return packed;
}

Result<std::vector<std::byte>> Unpack(std::span<const std::byte> bytes, size_t max_bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > max_bytes) {
    return Status(Code::kDataLoss,
                  "not a stored result, or too large; restore the artifact from a backup");
  }
  std::vector<std::byte> plain(size);
  const size_t done = ZSTD_decompress(plain.data(), plain.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(done) != 0 || done != size) {
    return Status(Code::kDataLoss,
                  "a stored result is damaged; restore the artifact from a backup");
  }
  return plain;
}

Result<std::shared_ptr<const Expected>> Judge::LoadExpected(const std::string& sha256) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(cache_.begin(), cache_.end(),
                                    [&](const auto& e) { return e.first == sha256; });
    if (found != cache_.end()) {
      cache_.splice(cache_.begin(), cache_, found);
      return found->second;
    }
  }
  TRY_ASSIGN(const std::vector<std::byte> bytes, artifacts_.Read(sha256));
  TRY_ASSIGN(Expected decoded, DecodeExpected(bytes));
  std::shared_ptr<const Expected> expected = std::make_shared<Expected>(std::move(decoded));
  const std::lock_guard lock(mutex_);
  cache_.emplace_front(sha256, expected);
  if (cache_.size() > kCached) cache_.pop_back();
  return expected;
}

Result<EndedAttempt> Judge::Run(const v1::AttemptResult& result) {
  EndedAttempt ended;
  ended.key = {JobId(result.key().job_id()), result.key().attempt(), Fence(result.key().fence())};
  JobContext context;
  v1::Job job;
  std::string provenance;
  {
    TRY_ASSIGN(const ReaderPool::Lent reader, readers_.Borrow());
    TRY_ASSIGN(context, reader->GetJobContext(ended.key.job));
    TRY_ASSIGN(job, reader->GetJob(ended.key.job));
    TRY_ASSIGN(provenance, reader->FirmwareProvenance(context.plan.build_id));
  }
  TRY_ASSIGN(const std::shared_ptr<const Expected> expected,
             LoadExpected(context.expected.artifact_sha256));
  const std::string raw = result.SerializeAsString();
  TRY_ASSIGN(const std::vector<std::byte> packed, Pack(AsBytes(raw)));
  TRY_ASSIGN(ended.raw_sha256, artifacts_.Put(packed));

  EvaluationRequest request;
  request.repetitions = context.spec.repetitions();
  request.limits = context.spec.limits();
  request.fidelity = context.fidelity;
  // What was true when the job was planned; this server may have other firmware by now.
  request.clock_hz = ClockOf(provenance);
  Evaluation evaluation = Evaluate(result, context.plan.facts, *expected, request);
  ended.failure = std::move(evaluation.failure);
  if (ended.failure) {
    BlameVariantForRepeatedHang(job, result, &*ended.failure);
    NameCodeAddresses(catalog_, result.identity().build_id(), &*ended.failure);
    ended.earlier_failures = EarlierFailures(job, ended.key.attempt);
  }
  ended.measurements = std::move(evaluation.measurements);
  ended.layers = std::move(evaluation.layers);
  ended.started_us = result.started_us();
  ended.ended_us = result.ended_us();
  ended.timeline.assign(result.timeline().begin(), result.timeline().end());
  if (result.has_link()) ended.link = result.link();
  if (result.has_flash()) ended.flash = result.flash();
  const int lines = std::min(result.log_size(), kMaxLogLines);
  for (int i = 0; i < lines; ++i) ended.log.push_back({result.ended_us(), result.log(i)});
  return ended;
}

}  // namespace tinyrig::server
