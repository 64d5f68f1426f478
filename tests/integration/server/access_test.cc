// Who gets in: every method that the server has, by reflection, against every kind of caller.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "proto/tinyrig/v1/agent.grpc.pb.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/raw_call.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

// They say that the server lives, and what is in its public .proto files.
const std::set<std::string> kOpenToAll = {"grpc.health.v1.Health",
                                          "grpc.reflection.v1alpha.ServerReflection"};
constexpr v1::Role kRoles[] = {v1::ROLE_VIEWER, v1::ROLE_SUBMITTER, v1::ROLE_OPERATOR,
                               v1::ROLE_ADMIN, v1::ROLE_AGENT};

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start({"--listen", server_.address(), "--listen", "127.0.0.1:0"}));
    remote_ = grpc::CreateChannel(server_.addresses()[1], grpc::InsecureChannelCredentials());
    access_ = v1::AccessService::NewStub(local_.channel);
  }

  std::string Token(const std::string& name, v1::Role role, int64_t expires_us = 0) {
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_user(name);
    request.set_role(role);
    request.set_expires_us(expires_us);
    v1::CreateTokenResponse response;
    const grpc::Status status = access_->CreateToken(Client::Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.secret();
  }
  grpc::Status Revoke(const std::string& name) {
    v1::RevokeTokenRequest request;
    request.set_name(name);
    v1::Token token;
    return access_->RevokeToken(Client::Context().get(), request, &token);
  }
  std::vector<v1::AuditEntry> Audit(const std::string& user = "") {
    v1::ListAuditRequest request;
    request.set_user(user);
    v1::ListAuditResponse response;
    EXPECT_TRUE(access_->ListAudit(Client::Context().get(), request, &response).ok());
    return {response.entries().begin(), response.entries().end()};
  }
  static std::unique_ptr<grpc::ClientContext> With(const std::string& token) {
    auto context = Client::Context();
    context->AddMetadata("authorization", "Bearer " + token);
    return context;
  }

  ServerProcess server_;
  Client local_{server_.address()};
  std::shared_ptr<grpc::Channel> remote_;
  std::unique_ptr<v1::AccessService::Stub> access_;
};

// Who may do what, written down a second time: a role that was changed by mistake in a .proto shows
// here, as does a method that nobody thought about. `agents`: benches too.
struct Rule {
  v1::Role least;
  bool agents = false;
};
const std::map<std::string, Rule> kRules = {
    {"AccessService/CreateToken", {v1::ROLE_ADMIN}},
    {"AccessService/ListAudit", {v1::ROLE_OPERATOR}},
    {"AccessService/ListTokens", {v1::ROLE_ADMIN}},
    {"AccessService/RevokeToken", {v1::ROLE_ADMIN}},
    {"AccessService/WhoAmI", {v1::ROLE_VIEWER, true}},
    {"AgentService/Connect", {v1::ROLE_AGENT}},
    {"ArtifactService/DownloadArtifact", {v1::ROLE_VIEWER, true}},
    {"ArtifactService/StatArtifact", {v1::ROLE_VIEWER, true}},
    {"ArtifactService/StatUpload", {v1::ROLE_SUBMITTER}},
    {"ArtifactService/UploadArtifact", {v1::ROLE_SUBMITTER}},
    {"BoardService/AddWindow", {v1::ROLE_OPERATOR}},
    {"BoardService/Console", {v1::ROLE_SUBMITTER}},
    {"BoardService/GetBoard", {v1::ROLE_VIEWER}},
    {"BoardService/ListAgents", {v1::ROLE_VIEWER}},
    {"BoardService/ListBoardTypes", {v1::ROLE_VIEWER}},
    {"BoardService/ListBoards", {v1::ROLE_VIEWER}},
    {"BoardService/ListWindows", {v1::ROLE_VIEWER}},
    {"BoardService/RecoverBoard", {v1::ROLE_OPERATOR}},
    {"BoardService/ReleaseBoard", {v1::ROLE_SUBMITTER}},
    {"BoardService/RemoveWindow", {v1::ROLE_OPERATOR}},
    {"BoardService/ReserveBoard", {v1::ROLE_SUBMITTER}},
    {"BoardService/SetAgentDrain", {v1::ROLE_OPERATOR}},
    {"BoardService/SetMaintenance", {v1::ROLE_OPERATOR}},
    {"CampaignService/CancelCampaign", {v1::ROLE_SUBMITTER}},
    {"CampaignService/GetCampaign", {v1::ROLE_VIEWER}},
    {"CampaignService/ListCampaigns", {v1::ROLE_VIEWER}},
    {"CampaignService/SubmitCampaign", {v1::ROLE_SUBMITTER}},
    {"CampaignService/WatchCampaign", {v1::ROLE_VIEWER}},
    {"JobService/CancelJob", {v1::ROLE_SUBMITTER}},
    {"JobService/GetJob", {v1::ROLE_VIEWER}},
    {"JobService/GetManifest", {v1::ROLE_VIEWER}},
    {"JobService/ListJobs", {v1::ROLE_VIEWER}},
    {"JobService/RerunJob", {v1::ROLE_SUBMITTER}},
    {"JobService/StreamLogs", {v1::ROLE_VIEWER}},
    {"ResultService/CompareJobs", {v1::ROLE_VIEWER}},
    {"ResultService/GetFront", {v1::ROLE_VIEWER}},
    {"ResultService/ListResults", {v1::ROLE_VIEWER}},
    {"ResultService/Query", {v1::ROLE_VIEWER}},
    {"ServerService/Backup", {v1::ROLE_ADMIN}},
    {"ServerService/CheckStore", {v1::ROLE_OPERATOR}},
    {"ServerService/GetServerInfo", {v1::ROLE_VIEWER}},
    {"ServerService/Prune", {v1::ROLE_ADMIN}},
    {"ServerService/SetDrain", {v1::ROLE_OPERATOR}},
};

bool MayCall(const Rule& rule, v1::Role caller) {
  if (rule.least == v1::ROLE_AGENT) return caller == v1::ROLE_AGENT;
  if (caller == v1::ROLE_AGENT) return rule.agents;
  return static_cast<int>(caller) >= static_cast<int>(rule.least);
}

TEST_F(AccessTest, EveryMethodRefusesWhoMayNot) {
  std::map<std::string, std::string> strangers = {
      {"nobody", ""},
      {"garbage", "tinyrig_0000"},
      {"expired", Token("expired", v1::ROLE_ADMIN, NowUs() + 200'000)},
      {"revoked", Token("revoked", v1::ROLE_ADMIN)}};
  std::map<v1::Role, std::string> callers;
  for (const v1::Role role : kRoles) callers[role] = Token(v1::Role_Name(role), role);
  ASSERT_TRUE(Revoke("revoked").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));

  std::set<std::string> methods;
  for (const std::string& service_name : ReflectedServices(remote_)) {
    if (kOpenToAll.contains(service_name)) continue;
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service_name);
    ASSERT_NE(service, nullptr) << service_name << " is open to whom?";
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      const std::string path = "/" + service_name + "/" + method.name();
      SCOPED_TRACE(path);
      const std::string name = service->name() + "/" + method.name();
      methods.insert(name);
      ASSERT_TRUE(kRules.contains(name)) << "who may call it? Write it into kRules";
      const Rule& rule = kRules.at(name);
      const auto code = [&](const std::string& token) {
        return RawCall(remote_, path, "", token).status.error_code();
      };
      EXPECT_NE(code(callers[v1::ROLE_ADMIN]), grpc::UNIMPLEMENTED);
      for (const auto& [who, token] : strangers)
        EXPECT_EQ(code(token), grpc::UNAUTHENTICATED) << who;
      for (const auto& [role, token] : callers) {
        if (MayCall(rule, role)) {
          EXPECT_THAT(code(token), testing::AllOf(testing::Ne(grpc::PERMISSION_DENIED),
                                                  testing::Ne(grpc::UNAUTHENTICATED),
                                                  testing::Ne(grpc::INTERNAL)))
              << v1::Role_Name(role);
        } else {
          EXPECT_EQ(code(token), grpc::PERMISSION_DENIED) << v1::Role_Name(role);
        }
      }
    }
  }
  for (const auto& [name, rule] : kRules) EXPECT_TRUE(methods.contains(name)) << name << " is gone";
}

TEST_F(AccessTest, ATokenSaysWhoSomebodyIs) {
  const std::string ann = Token("ann", v1::ROLE_SUBMITTER);
  const std::string bob = Token("bob", v1::ROLE_SUBMITTER);
  const std::string olga = Token("olga", v1::ROLE_OPERATOR);
  auto stub = v1::CampaignService::NewStub(remote_);
  v1::SubmitCampaignRequest submit;
  *submit.mutable_spec() = DigitsCampaign(local_);
  submit.set_user("somebody else");
  v1::Campaign campaign;
  ASSERT_TRUE(stub->SubmitCampaign(With(ann).get(), submit, &campaign).ok());
  EXPECT_EQ(campaign.user(), "ann");
  v1::CancelCampaignRequest cancel;
  cancel.set_campaign_id(campaign.campaign_id());
  v1::Campaign ended;
  EXPECT_EQ(stub->CancelCampaign(With(bob).get(), cancel, &ended).error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_TRUE(stub->CancelCampaign(With(olga).get(), cancel, &ended).ok());
  EXPECT_TRUE(ended.ended());
  ASSERT_TRUE(stub->SubmitCampaign(With(ann).get(), submit, &campaign).ok());
  cancel.set_campaign_id(campaign.campaign_id());
  EXPECT_TRUE(stub->CancelCampaign(With(ann).get(), cancel, &ended).ok());
}

TEST_F(AccessTest, ReservationsBelongToWhoHasThem) {
  FakeAgent agent(server_.address(), {"b1"});
  ASSERT_TRUE(agent.Connect());
  const std::string ann = Token("ann", v1::ROLE_SUBMITTER);
  const std::string bob = Token("bob", v1::ROLE_SUBMITTER);
  const std::string olga = Token("olga", v1::ROLE_OPERATOR);
  auto stub = v1::BoardService::NewStub(remote_);
  v1::ReserveBoardRequest reserve;
  reserve.set_board_id("b1");
  reserve.set_user("bob");
  reserve.set_expires_us(NowUs() + int64_t{3600} * 1'000'000);
  v1::ReleaseBoardRequest release;
  release.set_board_id("b1");
  release.set_user("ann");
  v1::Board board;
  ASSERT_TRUE(
      Eventually([&] { return stub->ReserveBoard(With(ann).get(), reserve, &board).ok(); }));
  EXPECT_EQ(board.reserved_by(), "ann");
  EXPECT_EQ(stub->ReleaseBoard(With(bob).get(), release, &board).error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_TRUE(stub->ReleaseBoard(With(olga).get(), release, &board).ok());
  EXPECT_EQ(board.reserved_by(), "");
}

TEST_F(AccessTest, ARevokedTokenEndsWhatItOpened) {
  const std::string secret = Token("bench7", v1::ROLE_AGENT);
  auto stub = v1::AgentService::NewStub(remote_);
  auto context = With(secret);
  auto stream = stub->Connect(context.get());
  v1::AgentMessage hello;
  hello.mutable_hello()->set_agent_id("bench7");
  hello.mutable_hello()->set_instance_id("x");
  stream->Write(hello);
  v1::ServerMessage answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_TRUE(answer.has_welcome());
  ASSERT_TRUE(Revoke("bench7").ok());
  v1::AgentMessage heartbeat;
  heartbeat.mutable_heartbeat();
  stream->Write(heartbeat);
  while (stream->Read(&answer)) continue;
  EXPECT_EQ(stream->Finish().error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(AccessTest, ABenchCannotTakeAnothersPlace) {
  const std::string secret = Token("bench7", v1::ROLE_AGENT);
  auto stub = v1::AgentService::NewStub(remote_);
  auto context = With(secret);
  auto stream = stub->Connect(context.get());
  v1::AgentMessage hello;
  hello.mutable_hello()->set_agent_id("bench8");
  stream->Write(hello);
  v1::ServerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::PERMISSION_DENIED);
}

TEST_F(AccessTest, TokensSurviveARestartAndTheirSecretsAreNowhere) {
  const std::string secret = Token("ann", v1::ROLE_VIEWER);
  EXPECT_GE(secret.size(), 64u);
  ASSERT_EQ(server_.Terminate(), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.state())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(secret.substr(8)), std::string::npos) << entry.path();
  }
  ASSERT_TRUE(server_.Start());
  v1::Identification who;
  auto again = v1::AccessService::NewStub(local_.channel);
  ASSERT_TRUE(Eventually([&] { return again->WhoAmI(With(secret).get(), {}, &who).ok(); }));
  EXPECT_EQ(who.user(), "ann");
  EXPECT_EQ(who.role(), v1::ROLE_VIEWER);
  EXPECT_EQ(who.by(), "token ann");
  ASSERT_TRUE(again->WhoAmI(Client::Context().get(), {}, &who).ok());
  EXPECT_EQ(who.role(), v1::ROLE_ADMIN);
  EXPECT_EQ(who.by(), "local socket");
}

TEST_F(AccessTest, TheLogHasChangesAndRefusalsAndNoSecrets) {
  const std::string ann = Token("ann", v1::ROLE_SUBMITTER);
  EXPECT_EQ(RawCall(remote_, "/tinyrig.v1.AccessService/RevokeToken", "", ann).status.error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_EQ(RawCall(remote_, "/tinyrig.v1.JobService/ListJobs", "", "wrong").status.error_code(),
            grpc::UNAUTHENTICATED);
  EXPECT_TRUE(RawCall(remote_, "/tinyrig.v1.JobService/ListJobs", "", ann).status.ok());
  v1::CancelJobRequest cancel;
  cancel.set_job_id(99);
  EXPECT_EQ(RawCall(remote_, "/tinyrig.v1.JobService/CancelJob", cancel.SerializeAsString(), ann)
                .status.error_code(),
            grpc::NOT_FOUND);
  std::vector<std::string> seen;
  for (const v1::AuditEntry& entry : Audit()) {
    seen.push_back(entry.method() + " " + entry.user() + " " + std::to_string(entry.code()));
    EXPECT_EQ(entry.request().find(ann.substr(8)), std::string::npos);
    EXPECT_GT(entry.time_us(), 0);
  }
  const std::string owner = Audit().back().user();
  EXPECT_THAT(seen, testing::ElementsAre("JobService/CancelJob ann 5", "JobService/ListJobs  16",
                                         "AccessService/RevokeToken ann 7",
                                         "AccessService/CreateToken " + owner + " 0"));
  EXPECT_EQ(Audit()[0].request(), R"({"job_id":"99"})");
  EXPECT_EQ(Audit("ann").size(), 2u);
  EXPECT_EQ(Audit().back().peer(), "local socket");
  EXPECT_THAT(Audit()[0].peer(), testing::StartsWith("token ann, ipv4:127.0.0.1:"));
}

TEST_F(AccessTest, TokensAreMadeWithCare) {
  Token("ann", v1::ROLE_VIEWER);
  const auto code = [&](const std::string& name, v1::Role role, int64_t expires_us) {
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_user("ann");
    request.set_role(role);
    request.set_expires_us(expires_us);
    v1::CreateTokenResponse response;
    return access_->CreateToken(Client::Context().get(), request, &response).error_code();
  };
  EXPECT_EQ(code("ann", v1::ROLE_VIEWER, 0), grpc::ALREADY_EXISTS);
  EXPECT_EQ(code("", v1::ROLE_VIEWER, 0), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code("a\nb", v1::ROLE_VIEWER, 0), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code("b", v1::ROLE_UNSPECIFIED, 0), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code("b", static_cast<v1::Role>(77), 0), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(code("b", v1::ROLE_VIEWER, 1), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Revoke("nobody").error_code(), grpc::NOT_FOUND);
  EXPECT_TRUE(Revoke("ann").ok());
  EXPECT_EQ(Revoke("ann").error_code(), grpc::NOT_FOUND);
}

}  // namespace
}  // namespace tinyrig::server
