// Requests that nobody should send: 10,600 of them, by gRPC, HTTP/2 and HTTP/1.1, the same ones in
// every run, most of them from callers who are let in. The server answers or hangs up, and goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "proto/tinyrig/v1/agent.grpc.pb.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/noise.h"
#include "tests/integration/server/raw_call.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

using google::protobuf::Message;

constexpr int kCalls = 5'000;
constexpr int kStreams = 60;   // At least.
constexpr int kMessages = 10;  // Of each, after hello.
constexpr int kHellos = 600;   // At most.
constexpr int kHttp1 = 3'000;
constexpr int kHttp2 = 2'000;

class Malformed : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start({"--listen", server_.address(), "--listen", "127.0.0.1:0", "--http",
                               "127.0.0.1:0", "--reference-model", "none"}));
    ASSERT_EQ(server_.addresses().size(), 3u);
    instance_ = Instance();
    ASSERT_FALSE(instance_.empty());
  }
  void TearDown() override {
    EXPECT_EQ(Instance(), instance_) << "it is not the same process any more";
    EXPECT_EQ(server_.Terminate(), 0);
  }

  std::string Instance() {
    v1::ServerInfo info;
    const grpc::Status status = client_.server->GetServerInfo(Client::Context().get(), {}, &info);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return info.instance_id();
  }
  std::string Token(v1::Role role) {
    v1::CreateTokenRequest request;
    request.set_name(v1::Role_Name(role));
    request.set_user("ann");
    request.set_role(role);
    v1::CreateTokenResponse response;
    const auto access = v1::AccessService::NewStub(client_.channel);
    const grpc::Status status = access->CreateToken(Client::Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.secret();
  }

  ServerProcess server_;
  Client client_{server_.address()};
  std::string instance_;
  Noise noise_{20260101};
};

TEST_F(Malformed, MessagesOfEveryMethod) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const std::string& name : ReflectedServices(client_.channel)) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      methods.push_back(service->method(i));
    }
  }
  ASSERT_GE(methods.size(), 30u);
  // All of them come from somebody with every right: half from the socket, half with a token.
  const std::string token = Token(v1::ROLE_ADMIN);
  const auto remote =
      grpc::CreateChannel(server_.addresses()[1], grpc::InsecureChannelCredentials());
  int refused = 0;
  int stopped_at_the_door = 0;
  for (int i = 0; i < kCalls; ++i) {
    const auto& method = *methods[static_cast<size_t>(i) % methods.size()];
    const std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                               ->GetPrototype(method.input_type())
                                               ->New());
    noise_.Fill(request.get(), 0);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    const std::string bytes = noise_.Mutated(request->SerializePartialAsString());
    const RawAnswer answer = i / methods.size() % 2 == 0
                                 ? RawCall(client_.channel, path, bytes, "", 2)
                                 : RawCall(remote, path, bytes, token, 2);
    refused += answer.status.ok() ? 0 : 1;
    stopped_at_the_door += answer.status.error_code() == grpc::UNAUTHENTICATED ? 1 : 0;
    ASSERT_NE(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE) << path << ", call " << i;
  }
  EXPECT_GT(refused, kCalls / 4);
  EXPECT_EQ(stopped_at_the_door, 0);
}

TEST_F(Malformed, TextThatIsNotUtf8IsRefusedInOneLineOfTheLog) {
  v1::ListBoardsRequest request;
  request.set_expression("gr\xfcn");
  google::protobuf::SetLogHandler(nullptr);  // Here it would tell as well.
  const std::string bytes = request.SerializeAsString();
  for (int i = 0; i < 200; ++i) {
    const RawAnswer answer = RawCall(client_.channel, "/tinyrig.v1.BoardService/ListBoards", bytes);
    ASSERT_FALSE(answer.status.ok());
  }
  std::istringstream lines(server_.Said());
  int about = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, testing::HasSubstr(" warn")) << "it went past the log";
    about += line.find("ListBoardsRequest.expression") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(about, 1);
  EXPECT_LT(about, 100);
}

// A bench that begins well. What it then says of its attempts is true but for one or two fields, or
// is anything at all, or no message. A server that has much to do is asked for longer.
TEST_F(Malformed, AgentsThatSaidHello) {
  FakeAgent honest(server_.address(), {"b1"}, "noise");
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.set_max_attempts(100);
  spec.mutable_vectors()->set_patterns("AB");
  google::protobuf::SetLogHandler(nullptr);  // It would tell of each text that is no UTF-8.
  int welcomed = 0;
  int offered = 0;
  int acknowledged = 0;
  std::map<std::string, v1::AttemptResult> measured;  // By image.
  int streams = 0;
  for (; streams < kStreams || offered <= kStreams || acknowledged <= kStreams; ++streams) {
    ASSERT_LT(streams, kHellos) << offered << " offers, " << acknowledged << " acknowledgements";
    v1::Campaign campaign;
    ASSERT_TRUE(client_.Submit(spec, "", &campaign).ok());
    RawStream stream(client_.channel, "/tinyrig.v1.AgentService/Connect");
    v1::AgentMessage hello;
    hello.mutable_hello()->set_agent_id("noise");
    v1::AgentBoard& board = *hello.mutable_hello()->add_boards();
    board.set_board_id("b1");
    board.set_board_type("virtual_m4");
    ASSERT_TRUE(stream.Write(hello.SerializeAsString()));
    // Each offer is answered once, well or badly; then the next one comes.
    for (int n = 0; n < kMessages; ++n) {
      v1::ServerMessage answer;
      while (!answer.has_offer()) {
        const int patience_ms = n > 0 ? 50 : answer.has_welcome() ? 3000 : 20'000;
        const auto bytes = stream.Read(patience_ms);
        if (!bytes) break;
        ASSERT_TRUE(answer.ParseFromString(*bytes));
        welcomed += answer.has_welcome() ? 1 : 0;
        acknowledged += answer.has_ack() ? 1 : 0;
      }
      v1::AgentMessage message;
      if (!answer.has_offer() || noise_.Below(4) == 0) {
        noise_.Fill(&message);
      } else {
        ++offered;
        v1::AttemptResult& result = measured[answer.offer().image().sha256()];
        if (result.samples().empty()) result = honest.Measure(answer.offer());
        *message.mutable_result() =
            noise_.Below(8) == 0
                ? FakeAgent::Failed(answer.offer(), v1::FAILURE_OWNER_BENCH, "probe lost")
                : result;
        *message.mutable_result()->mutable_key() = answer.offer().key();
        for (uint32_t times = noise_.Below(4); times > 0; --times) {
          noise_.Tamper(message.mutable_result());
        }
      }
      std::string bytes = message.SerializePartialAsString();
      if (noise_.Below(16) == 0) bytes = noise_.Mutated(bytes);
      if (!stream.Write(bytes)) break;  // It hung up.
    }
  }
  EXPECT_EQ(welcomed, streams);
  // What one of them says keeps no other waiting.
  EXPECT_THAT(server_.Said(), testing::Not(testing::HasSubstr("no job begins")));
  // They reach the judge, as what they are.
  std::vector<std::string> outcomes;
  ASSERT_TRUE(client_.Query("SELECT DISTINCT outcome FROM runs", &outcomes).ok());
  EXPECT_THAT(outcomes, testing::IsSupersetOf({"bench", "succeeded"}));
}

TEST_F(Malformed, Http1) {
  const std::string& address = server_.addresses()[2];
  const std::vector<std::string> good = {
      "GET /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\n\r\n",
      "GET /api/v1/jobs?page.size=7&states=queued HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /api/v1/front?campaign_id=1&limits=arena_bytes%3C=9kB HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /api/v1/query?sql=SELECT+1,'x' HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /api/v1/campaigns/1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7\r\n\r\n",
      "GET /healthz HTTP/1.0\r\n\r\n",
      "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{\"sql\":\"SELECT",
      "POST /api/v1/query HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      "GET /api/v1/artifacts/..%2f..%2fetc%2fpasswd?offset=-1&x=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n" + std::string(30'000, 'h') + ": 1\r\n\r\n"};
  const std::string bearer = "\r\nAuthorization: Bearer " + Token(v1::ROLE_VIEWER) + "\r\n";
  int answered = 0;
  int admitted = 0;
  for (int i = 0; i < kHttp1; ++i) {
    const std::string& base = good[noise_.Below(static_cast<uint32_t>(good.size()))];
    std::string bytes = noise_.Below(10) == 0 ? noise_.Bytes(300) : noise_.Mutated(base);
    const bool somebody = i % 2 == 0;
    if (const size_t at = bytes.find("\r\n"); somebody && at != std::string::npos) {
      bytes.replace(at, 2, bearer);
    }
    const std::string answer = SendBytes(address, bytes);
    ASSERT_FALSE(answer.starts_with("HTTP/1.1 500")) << bytes << answer;
    // Nobody who has no token is told anything but that the server lives.
    if (!somebody && answer.starts_with("HTTP/1.1 200")) {
      ASSERT_NE(answer.find("\r\n\r\nok\n"), std::string::npos) << answer;
    }
    admitted +=
        somebody && answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 401") ? 1 : 0;
    answered += answer.starts_with("HTTP/1.1 ") ? 1 : 0;
  }
  EXPECT_GT(answered, kHttp1 / 4);
  EXPECT_GT(admitted, kHttp1 / 4);
  EXPECT_NE(SendBytes(address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .find("ok"),
            std::string::npos);
}

TEST_F(Malformed, Http2) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings("\0\0\0\x04\0\0\0\0\0", 9);
  for (int i = 0; i < kHttp2; ++i) {
    std::string bytes = preface + settings;
    for (uint32_t n = noise_.Below(6); n > 0; --n) {
      // A frame: length, type, flags, stream; often with a length that is not its own.
      const std::string payload = noise_.Bytes(60);
      const uint32_t length =
          noise_.Below(4) == 0 ? noise_.Below(1 << 24) : static_cast<uint32_t>(payload.size());
      bytes += static_cast<char>(length >> 16);
      bytes += static_cast<char>(length >> 8);
      bytes += static_cast<char>(length);
      bytes += static_cast<char>(noise_.Below(12));
      bytes += static_cast<char>(noise_.Below(256));
      bytes += std::string(3, '\0') + static_cast<char>(noise_.Below(4));
      bytes += payload;
    }
    SendBytes(server_.addresses()[1],
              noise_.Below(5) == 0 ? noise_.Bytes(200) : noise_.Mutated(bytes));
  }
}

}  // namespace
}  // namespace tinyrig::server
