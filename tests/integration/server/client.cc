#include "tests/integration/server/client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "server/model/sha256.h"

namespace tinyrig::server {

Client::Client(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  campaigns = v1::CampaignService::NewStub(channel);
  jobs = v1::JobService::NewStub(channel);
  boards = v1::BoardService::NewStub(channel);
  results = v1::ResultService::NewStub(channel);
  artifacts = v1::ArtifactService::NewStub(channel);
  server = v1::ServerService::NewStub(channel);
}

std::unique_ptr<grpc::ClientContext> Client::Context(int seconds) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  context->set_wait_for_ready(true);
  return context;
}

grpc::Status Client::Upload(const v1::ArtifactRef& artifact, const std::string& bytes,
                            size_t chunk) {
  auto context = Context();
  v1::ArtifactRef stored;
  auto writer = artifacts->UploadArtifact(context.get(), &stored);
  v1::UploadArtifactRequest request;
  *request.mutable_artifact() = artifact;
  bool open = writer->Write(request);
  request.clear_artifact();
  for (size_t offset = 0; open && offset < bytes.size(); offset += chunk) {
    request.set_data(bytes.substr(offset, chunk));
    open = writer->Write(request);
  }
  writer->WritesDone();
  return writer->Finish();
}

std::string Client::Download(const std::string& sha256, uint64_t offset) {
  auto context = Context();
  v1::DownloadArtifactRequest request;
  request.set_sha256(sha256);
  request.set_offset(offset);
  auto reader = artifacts->DownloadArtifact(context.get(), request);
  std::string bytes;
  v1::ArtifactChunk chunk;
  while (reader->Read(&chunk)) bytes += chunk.data();
  return reader->Finish().ok() ? bytes : std::string();
}

v1::ArtifactRef Client::UploadFile(const std::filesystem::path& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_FALSE(bytes.str().empty()) << path << " cannot be read";
  v1::ArtifactRef artifact;
  artifact.set_name(path.filename().string());
  artifact.set_size_bytes(bytes.str().size());
  artifact.set_sha256(Sha256Hex(AsBytes(bytes.str())));
  const grpc::Status status = Upload(artifact, bytes.str());
  EXPECT_TRUE(status.ok()) << path << status.error_message();
  return artifact;
}

grpc::Status Client::Submit(const v1::CampaignSpec& spec, const std::string& key,
                            v1::Campaign* campaign) {
  auto context = Context(60);
  v1::SubmitCampaignRequest request;
  *request.mutable_spec() = spec;
  request.set_idempotency_key(key);
  request.set_user("tester");
  return campaigns->SubmitCampaign(context.get(), request, campaign);
}

namespace {

// A call that was under way when the server was killed is made again.
template <typename Call>
grpc::Status Retried(Call call) {
  grpc::Status status;
  Eventually([&] {
    auto context = Client::Context();
    status = call(context.get());
    return status.error_code() != grpc::UNAVAILABLE;
  });
  return status;
}

}  // namespace

v1::Campaign Client::GetCampaign(uint64_t campaign_id) {
  v1::GetCampaignRequest request;
  request.set_campaign_id(campaign_id);
  v1::Campaign campaign;
  const grpc::Status status = Retried([&](grpc::ClientContext* context) {
    return campaigns->GetCampaign(context, request, &campaign);
  });
  EXPECT_TRUE(status.ok()) << status.error_message();
  return campaign;
}

v1::Job Client::GetJob(uint64_t job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::Job job;
  const grpc::Status status =
      Retried([&](grpc::ClientContext* context) { return jobs->GetJob(context, request, &job); });
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

std::vector<v1::JobResult> Client::Results(uint64_t campaign_id, bool with_layers) {
  std::vector<v1::JobResult> all;
  v1::ListResultsRequest request;
  request.set_campaign_id(campaign_id);
  request.set_with_layers(with_layers);
  request.mutable_page()->set_size(2);
  do {
    v1::ListResultsResponse response;
    const grpc::Status status = Retried([&](grpc::ClientContext* context) {
      return results->ListResults(context, request, &response);
    });
    EXPECT_TRUE(status.ok()) << status.error_message();
    all.insert(all.end(), response.results().begin(), response.results().end());
    request.mutable_page()->set_token(response.next_page_token());
  } while (!request.page().token().empty());
  return all;
}

std::vector<v1::CampaignEvent> Client::Watch(uint64_t campaign_id, int seconds, uint64_t after) {
  auto context = Context(seconds);
  v1::WatchCampaignRequest request;
  request.set_campaign_id(campaign_id);
  request.set_after_event(after);
  auto reader = campaigns->WatchCampaign(context.get(), request);
  std::vector<v1::CampaignEvent> events;
  v1::CampaignEvent event;
  while (reader->Read(&event)) events.push_back(event);
  const grpc::Status status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return events;
}

grpc::Status Client::Query(const std::string& sql, std::vector<std::string>* rows) {
  auto context = Context();
  v1::QueryRequest request;
  request.set_sql(sql);
  auto reader = results->Query(context.get(), request);
  v1::QueryRow row;
  while (reader->Read(&row)) {
    std::string text;
    for (const std::string& column : row.columns()) text += (text.empty() ? "" : "|") + column;
    for (const v1::QueryValue& value : row.values()) {
      if (!text.empty()) text += "|";
      if (value.has_integer()) text += std::to_string(value.integer());
      if (value.has_real()) text += std::to_string(value.real());
      if (value.has_text()) text += value.text();
    }
    rows->push_back(text);
  }
  return reader->Finish();
}

std::filesystem::path Zoo() {
  return std::filesystem::path(TINYRIG_SOURCE_DIR) / "firmware" / "zoo";
}

v1::CampaignSpec DigitsCampaign(Client& client) {
  v1::CampaignSpec spec;
  spec.set_name("digits");
  *spec.add_models() = client.UploadFile(Zoo() / "digits_cnn.tflite");
  *spec.add_models() = client.UploadFile(Zoo() / "digits_ds.tflite");
  *spec.mutable_vectors()->mutable_npz() = client.UploadFile(Zoo() / "digits_test.npz");
  spec.add_board_types("virtual_m4");
  spec.mutable_variants()->add_kernels("reference");
  spec.mutable_variants()->add_kernels("dsp");
  spec.mutable_variants()->add_weights("int8");
  spec.mutable_variants()->add_weights("int16");
  v1::Variant& exclude = *spec.mutable_variants()->add_exclude();
  exclude.set_kernels("reference");
  exclude.set_weights("int16");
  spec.mutable_goals()->add_minimize("instructions_p50");
  spec.mutable_goals()->add_minimize("flash_model_bytes");
  spec.mutable_goals()->add_maximize("accuracy_top1");
  spec.set_attempt_timeout_s(30);
  return spec;
}

double MetricOf(const v1::JobResult& result, const std::string& metric) {
  for (const v1::Measurement& m : result.measurements()) {
    if (m.metric() == metric) return m.value();
  }
  ADD_FAILURE() << "job " << result.job_id() << " has no " << metric;
  return -1;
}

}  // namespace tinyrig::server
