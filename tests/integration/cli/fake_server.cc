#include "tests/integration/cli/fake_server.h"

#include <algorithm>

namespace tinyrig::cli {
namespace {

/// Page number `token` of a list of `size` elements: first and one past the last, and the next
/// token.
std::pair<size_t, size_t> PageOf(const std::string& token, size_t page, size_t size,
                                 std::string* next) {
  const size_t from = token.empty() ? 0 : std::stoul(token);
  const size_t to = std::min(size, from + page);
  if (to < size) *next = std::to_string(to);
  return {from, to};
}

}  // namespace

FakeServer::FakeServer(const std::string& socket, Script script)
    : address_("unix:" + socket), script_(std::move(script)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::CampaignService::Service*>(this));
  builder.RegisterService(static_cast<v1::JobService::Service*>(this));
  builder.RegisterService(static_cast<v1::ResultService::Service*>(this));
  builder.RegisterService(static_cast<v1::ArtifactService::Service*>(this));
  builder.RegisterService(static_cast<v1::ServerService::Service*>(this));
  server_ = builder.BuildAndStart();
}

std::map<std::string, std::string> FakeServer::Files() const {
  const std::lock_guard lock(mutex_);
  return files_;
}
size_t FakeServer::uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_;
}
std::vector<v1::SubmitCampaignRequest> FakeServer::Submissions() const {
  const std::lock_guard lock(mutex_);
  return submissions_;
}
std::vector<uint64_t> FakeServer::Watches() const {
  const std::lock_guard lock(mutex_);
  return watches_;
}

grpc::Status FakeServer::GetServerInfo(Context*, const v1::GetServerInfoRequest*,
                                       v1::ServerInfo* info) {
  info->set_version("fake");
  return grpc::Status::OK;
}

grpc::Status FakeServer::StatUpload(Context*, const v1::StatUploadRequest* request,
                                    v1::UploadState* state) {
  const std::lock_guard lock(mutex_);
  state->set_complete(files_.contains(request->sha256()));
  state->set_received_bytes(partial_[request->sha256()].size());
  return grpc::Status::OK;
}

// The first upload of a file breaks in the middle.
grpc::Status FakeServer::UploadArtifact(Context*,
                                        grpc::ServerReader<v1::UploadArtifactRequest>* reader,
                                        v1::ArtifactRef* stored) {
  std::string bytes;
  uint64_t offset = 0;
  for (v1::UploadArtifactRequest message; reader->Read(&message);) {
    if (message.has_artifact()) {
      *stored = message.artifact();
      offset = message.offset();
    }
    bytes += message.data();
  }
  const std::lock_guard lock(mutex_);
  std::string& partial = partial_[stored->sha256()];
  if (partial.empty()) {
    partial = bytes.substr(0, bytes.size() / 2);
    return {grpc::StatusCode::UNAVAILABLE, "the connection broke"};
  }
  bytes = partial.substr(0, offset) + bytes;
  if (bytes.size() != stored->size_bytes()) return {grpc::StatusCode::DATA_LOSS, "wrong size"};
  ++uploads_;
  files_[stored->sha256()] = bytes;
  return grpc::Status::OK;
}

void FakeServer::FillCampaign(v1::Campaign& campaign) const {
  campaign.set_campaign_id(1);
  if (!submissions_.empty()) *campaign.mutable_spec() = submissions_.back().spec();
  campaign.set_ended(told_ >= script_.events.size());
}

grpc::Status FakeServer::SubmitCampaign(Context*, const v1::SubmitCampaignRequest* request,
                                        v1::Campaign* campaign) {
  const std::lock_guard lock(mutex_);
  submissions_.push_back(*request);
  FillCampaign(*campaign);
  return grpc::Status::OK;
}

grpc::Status FakeServer::GetCampaign(Context*, const v1::GetCampaignRequest* request,
                                     v1::Campaign* campaign) {
  if (request->campaign_id() != 1) return {grpc::StatusCode::NOT_FOUND, "no such campaign"};
  const std::lock_guard lock(mutex_);
  FillCampaign(*campaign);
  return grpc::Status::OK;
}

grpc::Status FakeServer::ListCampaigns(Context*, const v1::ListCampaignsRequest*,
                                       v1::ListCampaignsResponse* list) {
  const std::lock_guard lock(mutex_);
  if (!submissions_.empty()) FillCampaign(*list->add_campaigns());
  return grpc::Status::OK;
}

grpc::Status FakeServer::WatchCampaign(Context*, const v1::WatchCampaignRequest* request,
                                       grpc::ServerWriter<v1::CampaignEvent>* writer) {
  const std::lock_guard lock(mutex_);
  watches_.push_back(request->after_event());
  size_t sent = 0;
  for (const v1::CampaignEvent& event : script_.events) {
    if (event.event_id() <= request->after_event()) continue;
    if (sent++ == script_.events_per_stream) return {grpc::StatusCode::UNAVAILABLE, "gone"};
    writer->Write(event);
    told_ = std::max<size_t>(told_, event.event_id());
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::ListJobs(Context*, const v1::ListJobsRequest* request,
                                  v1::ListJobsResponse* list) {
  const auto [from, to] = PageOf(request->page().token(), script_.page_size, script_.results.size(),
                                 list->mutable_next_page_token());
  for (size_t i = from; i < to; ++i) {
    v1::Job& job = *list->add_jobs();
    job.set_job_id(script_.results[i].job_id());
    job.set_campaign_id(1);
    job.set_state(script_.results[i].state());
    job.set_board_type("virtual_m4");
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::ListResults(Context*, const v1::ListResultsRequest* request,
                                     v1::ListResultsResponse* list) {
  const auto [from, to] = PageOf(request->page().token(), script_.page_size, script_.results.size(),
                                 list->mutable_next_page_token());
  for (size_t i = from; i < to; ++i) {
    *list->add_results() = script_.results[i];
    if (!request->with_layers()) list->mutable_results()->rbegin()->clear_layers();
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::GetFront(Context*, const v1::GetFrontRequest* request, v1::Front* front) {
  if (request->board_type().empty() || request->fidelity() == v1::FIDELITY_UNSPECIFIED) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "name board type and fidelity"};
  }
  *front->mutable_goals() = request->goals();
  for (const v1::JobResult& result : script_.results) {
    if (result.state() == v1::JOB_STATE_SUCCEEDED) *front->add_points() = result;
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::Query(Context*, const v1::QueryRequest* request,
                               grpc::ServerWriter<v1::QueryRow>* writer) {
  if (!request->sql().starts_with("SELECT"))
    return {grpc::StatusCode::INVALID_ARGUMENT, "only SELECT"};
  v1::QueryRow row;
  for (const char* column : {"n", "n", "x", "t"}) row.add_columns(column);
  writer->Write(row);
  row.Clear();
  row.add_values()->set_integer(7);
  row.add_values()->set_integer(8);
  row.add_values()->set_real(0.5);
  row.add_values();
  writer->Write(row);
  return grpc::Status::OK;
}

}  // namespace tinyrig::cli
