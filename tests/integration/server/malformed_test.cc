// Requests that nobody should send: 10,000 of them, by gRPC, HTTP/2 and HTTP/1.1, the same ones in
// every run. The server answers or hangs up, and goes on.

#include <gtest/gtest.h>

#include <random>

#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "proto/tinyrig/v1/agent.grpc.pb.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/raw_call.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kCalls = 5'000;
constexpr int kHttp1 = 3'000;
constexpr int kHttp2 = 2'000;

class Malformed : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start(
        {"--listen", server_.address(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}));
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
  uint32_t Random(uint32_t below) {
    return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_);
  }
  std::string RandomBytes(size_t most) {
    std::string bytes(Random(static_cast<uint32_t>(most) + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(Random(256));
    return bytes;
  }
  std::string RandomText() {
    static const std::vector<std::string> kTexts = {"",
                                                    "0",
                                                    "x",
                                                    "../../etc/passwd",
                                                    "%00",
                                                    std::string(70'000, 'a'),
                                                    "\xff\xfe",
                                                    "SELECT 1",
                                                    std::string(64, 'a'),
                                                    "virtual_m4",
                                                    "a\nb",
                                                    "'; DROP TABLE job; --",
                                                    "core==m4 && ((((("};
    return Random(3) == 0 ? RandomBytes(40) : kTexts[Random(static_cast<uint32_t>(kTexts.size()))];
  }
  uint64_t RandomNumber() {
    static const uint64_t kNumbers[] = {0,          1,         2,          1000,
                                        UINT32_MAX, INT64_MAX, UINT64_MAX, 1ull << 53};
    return kNumbers[Random(std::size(kNumbers))];
  }
  void Fill(Message* message, int depth) {
    const auto& r = *message->GetReflection();
    for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = message->GetDescriptor()->field(i);
      if (Random(3) == 0) continue;
      for (uint32_t n = field->is_repeated() ? Random(4) : 1; n > 0; --n) {
        FillField(message, r, field, depth);
      }
    }
  }
  void FillField(Message* message, const google::protobuf::Reflection& r,
                 const FieldDescriptor* field, int depth) {
    const bool many = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth < 6) {
          Fill(many ? r.AddMessage(message, field) : r.MutableMessage(message, field), depth + 1);
        }
        return;
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text = RandomText();
        many ? r.AddString(message, field, text) : r.SetString(message, field, text);
        return;
      }
      case FieldDescriptor::CPPTYPE_UINT64:
        many ? r.AddUInt64(message, field, RandomNumber())
             : r.SetUInt64(message, field, RandomNumber());
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        many ? r.AddInt64(message, field, static_cast<int64_t>(RandomNumber()))
             : r.SetInt64(message, field, static_cast<int64_t>(RandomNumber()));
        return;
      case FieldDescriptor::CPPTYPE_UINT32:
        many ? r.AddUInt32(message, field, static_cast<uint32_t>(RandomNumber()))
             : r.SetUInt32(message, field, static_cast<uint32_t>(RandomNumber()));
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        many ? r.AddEnumValue(message, field, static_cast<int>(Random(9)) - 1)
             : r.SetEnumValue(message, field, static_cast<int>(Random(9)) - 1);
        return;
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!many) r.SetBool(message, field, Random(2) == 0);
        return;
      default:
        return;
    }
  }
  std::string Mutated(std::string bytes) {
    for (uint32_t n = Random(4); n > 0 && !bytes.empty(); --n) {
      const size_t at = Random(static_cast<uint32_t>(bytes.size()));
      switch (Random(4)) {
        case 0:
          bytes[at] = static_cast<char>(Random(256));
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          bytes.insert(at, RandomBytes(8));
          break;
        default:
          bytes += bytes.substr(at, 100);
      }
    }
    return bytes;
  }

  /// Sends bytes and takes what comes back, for a moment.
  ServerProcess server_;
  Client client_{server_.address()};
  std::string instance_;
  std::mt19937 random_{20260101};
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
  int refused = 0;
  for (int i = 0; i < kCalls; ++i) {
    const auto& method = *methods[static_cast<size_t>(i) % methods.size()];
    const std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                               ->GetPrototype(method.input_type())
                                               ->New());
    Fill(request.get(), 0);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    const RawAnswer answer =
        RawCall(client_.channel, path, Mutated(request->SerializePartialAsString()), "", 2);
    refused += answer.status.ok() ? 0 : 1;
    ASSERT_NE(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE) << path << ", call " << i;
  }
  EXPECT_GT(refused, kCalls / 4);
}

TEST_F(Malformed, Http1) {
  const std::string& address = server_.addresses()[2];
  const std::vector<std::string> good = {
      "GET /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\n\r\n",
      "GET /api/v1/campaigns/1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7\r\n\r\n",
      "GET /healthz HTTP/1.0\r\n\r\n",
      "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{\"sql\":\"SELECT",
      "POST /api/v1/query HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      "GET /api/v1/artifacts/..%2f..%2fetc%2fpasswd?offset=-1&x=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n" + std::string(30'000, 'h') + ": 1\r\n\r\n"};
  int answered = 0;
  for (int i = 0; i < kHttp1; ++i) {
    const std::string& base = good[Random(static_cast<uint32_t>(good.size()))];
    const std::string answer =
        SendBytes(address, Random(10) == 0 ? RandomBytes(300) : Mutated(base));
    // Nobody who has no token is told anything but that the server lives.
    if (answer.starts_with("HTTP/1.1 200")) {
      ASSERT_NE(answer.find("\r\n\r\nok\n"), std::string::npos) << answer;
    }
    answered += answer.starts_with("HTTP/1.1 ") ? 1 : 0;
  }
  EXPECT_GT(answered, kHttp1 / 4);
  EXPECT_NE(SendBytes(address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .find("ok"),
            std::string::npos);
}

TEST_F(Malformed, Http2) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings("\0\0\0\x04\0\0\0\0\0", 9);
  for (int i = 0; i < kHttp2; ++i) {
    std::string bytes = preface + settings;
    for (uint32_t n = Random(6); n > 0; --n) {
      // A frame: length, type, flags, stream; often with a length that is not its own.
      const std::string payload = RandomBytes(60);
      const uint32_t length =
          Random(4) == 0 ? Random(1 << 24) : static_cast<uint32_t>(payload.size());
      bytes += static_cast<char>(length >> 16);
      bytes += static_cast<char>(length >> 8);
      bytes += static_cast<char>(length);
      bytes += static_cast<char>(Random(12));
      bytes += static_cast<char>(Random(256));
      bytes += std::string(3, '\0') + static_cast<char>(Random(4));
      bytes += payload;
    }
    SendBytes(server_.addresses()[1], Random(5) == 0 ? RandomBytes(200) : Mutated(bytes));
  }
}

}  // namespace
}  // namespace tinyrig::server
