#include "server/service/manifest.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/service/judge.h"

namespace tinyrig::server {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMaxRawBytes = 128u << 20;

ordered_json Describe(const v1::ArtifactRef& artifact) {
  return {{"name", artifact.name()},
          {"sha256", artifact.sha256()},
          {"size_bytes", artifact.size_bytes()}};
}

ordered_json Describe(const v1::Image& image) {
  ordered_json segments = ordered_json::array();
  for (const v1::Segment& segment : image.segments()) {
    segments.push_back({{"role", segment.role()},
                        {"address", fmt::format("0x{:08x}", segment.address())},
                        {"artifact", Describe(segment.artifact())}});
  }
  return {{"sha256", image.sha256()},
          {"port", image.port()},
          {"kernels", image.kernels()},
          {"build_id", image.build_id()},
          {"segments", std::move(segments)}};
}

ordered_json Describe(const PlanFacts& facts) {
  return {{"macs", facts.macs},
          {"arena_bytes", facts.arena_bytes},
          {"blob_bytes", facts.blob_bytes},
          {"flash_model_bytes", facts.flash_model_bytes},
          {"flash_total_bytes", facts.flash_total_bytes},
          {"operators", facts.ops.size()}};
}

std::string Crc(uint32_t crc) { return fmt::format("{:08x}", crc); }

// Of all outputs, in the order of the vectors.
std::string OutputsSha256(const v1::AttemptResult& result) {
  std::map<uint32_t, std::string_view> by_vector;
  for (const v1::VectorOutput& output : result.outputs()) {
    by_vector[output.vector_index()] = output.data();
  }
  Sha256 hash;
  for (const auto& [index, data] : by_vector) hash.Update(AsBytes(data));
  return hash.HexDigest();
}

// What the board and the bench said, from the raw result.
ordered_json Describe(const v1::AttemptResult& result) {
  ordered_json json = {{"agent_id", result.agent_id()}, {"board_id", result.board_id()}};
  json["nonce"] = fmt::format("{:016x}", result.nonce());
  json["vector_set_crc32c"] = Crc(result.vector_set_crc32c());
  json["outputs_sha256"] = OutputsSha256(result);
  const v1::Identity& identity = result.identity();
  json["identity"] = {{"port", identity.port()},
                      {"kernels", identity.kernels()},
                      {"build_id", identity.build_id()},
                      {"mcu_uid", identity.mcu_uid()},
                      {"code_crc32c", Crc(identity.code_crc32c())},
                      {"blob_crc32c", Crc(identity.blob_crc32c())},
                      {"clock_hz", identity.clock_hz()},
                      {"counter_hz", identity.counter_hz()},
                      {"counter_kind", identity.counter_kind()}};
  const v1::LinkStats& link = result.link();
  json["link"] = {{"bytes_out", link.bytes_out()},
                  {"bytes_in", link.bytes_in()},
                  {"frames_bad", link.frames_bad()},
                  {"retransmits", link.retransmits()}};
  json["tools"] = std::vector<std::string>(result.tools().begin(), result.tools().end());
  return json;
}

Result<v1::AttemptResult> LoadRaw(const ArtifactFolder& artifacts, const std::string& sha256) {
  TRY_ASSIGN(const std::vector<std::byte> packed, artifacts.Read(sha256));
  TRY_ASSIGN(const std::vector<std::byte> bytes, Unpack(packed, kMaxRawBytes));
  v1::AttemptResult result;
  if (!result.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Status(Code::kDataLoss,
                  "a stored result cannot be read; restore the artifact from a backup");
  }
  return result;
}

}  // namespace

Result<std::string> MakeManifest(Reader& reader, const ArtifactFolder& artifacts, JobId id) {
  TRY_ASSIGN(const v1::Job job, reader.GetJob(id));
  TRY_ASSIGN(const JobContext context, reader.GetJobContext(id));
  TRY_ASSIGN(const std::string raw_sha256, reader.RawResult(id));
  const v1::CampaignSpec& spec = context.spec;
  ordered_json json = {{"manifest", 1},
                       {"server_version", TINYRIG_VERSION},
                       {"job_id", job.job_id()},
                       {"campaign_id", job.campaign_id()},
                       {"state", ToText(job.state())},
                       {"model", Describe(job.model())}};
  TRY_ASSIGN(const JobId rerun_of, reader.RerunOf(id));
  if (rerun_of != JobId()) json["rerun_of"] = rerun_of.value;
  json["variant"] = {{"kernels", job.variant().kernels()},
                     {"weights", job.variant().weights()},
                     {"fusion", job.variant().fusion()},
                     {"synthesis", job.variant().synthesis()}};
  json["board_type"] = job.board_type();
  json["fidelity"] = ToText(context.fidelity);
  json["vectors"] = spec.vectors().has_npz()
                        ? Describe(spec.vectors().npz())
                        : ordered_json{{"patterns", spec.vectors().patterns()}};
  ordered_json& labels = json["labels"] = ordered_json::object();
  for (const v1::Label& label : spec.labels()) labels[label.key()] = label.value();
  json["execution"] = {{"warmup", spec.warmup()},
                       {"repetitions", spec.repetitions()},
                       {"layer_hashes", spec.layer_hashes()},
                       {"profile", spec.profile()}};
  if (context.plan.feasible) {
    json["plan"] = Describe(context.plan.facts);
    json["image"] = Describe(context.plan.image);
    TRY_ASSIGN(const std::string provenance, reader.FirmwareProvenance(context.plan.build_id));
    const auto firmware = ordered_json::parse(provenance, nullptr, false);
    if (firmware.is_object()) {
      json["toolchain"] = firmware.value("build", ordered_json::object());
      json["board_configuration"] = firmware.value("board_type", ordered_json::object());
    }
    json["reference_outputs_sha256"] = context.expected.artifact_sha256;
  }
  if (!raw_sha256.empty()) {
    TRY_ASSIGN(const v1::AttemptResult raw, LoadRaw(artifacts, raw_sha256));
    json["attempt"] = raw.key().attempt();
    json["measured"] = Describe(raw);
    json["raw_result_sha256"] = raw_sha256;
  }
  return json.dump(2);
}

}  // namespace tinyrig::server
