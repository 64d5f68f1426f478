// The real tinyrigd behind TLS, with certificates that deploy/tls/make-certs made.

#include <gtest/gtest.h>

#include <cstdlib>

#include "proto/channel/channel.h"
#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "proto/tinyrig/v1/server.grpc.pb.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

class TlsTest : public testing::Test {
 protected:
  static void MakeCerts(const std::filesystem::path& dir, const std::string& what) {
    const std::string command =
        std::string(TINYRIG_SOURCE_DIR) + "/deploy/tls/make-certs " + dir.string() + " " + what;
    ASSERT_EQ(std::system((command + " >/dev/null").c_str()), 0) << command;
  }
  void SetUp() override {
    MakeCerts(lab(), "server localhost 127.0.0.1");
    MakeCerts(lab(), "bench bench1");
    MakeCerts(stranger(), "server localhost 127.0.0.1");
    MakeCerts(stranger(), "bench bench1");
  }

  std::filesystem::path lab() const { return dir_.path() / "lab"; }
  std::filesystem::path stranger() const { return dir_.path() / "stranger"; }
  std::vector<std::string> Flags(const std::string& listen) const {
    return {"--listen",           listen,          "--tls-cert",
            lab() / "server.crt", "--tls-key",     lab() / "server.key",
            "--tls-client-ca",    lab() / "ca.crt"};
  }
  static grpc::Status Ask(const std::string& address, const ChannelSecurity& security) {
    auto channel = OpenChannel(address, security, grpc::ChannelArguments());
    if (!channel.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, channel.status().message()};
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::ServerInfo info;
    return v1::ServerService::NewStub(*channel)->GetServerInfo(&context, {}, &info);
  }

  TempDir dir_;
};

TEST_F(TlsTest, OnlyWhoTrustsTheServersAuthorityTalksToIt) {
  ServerProcess server;
  ASSERT_TRUE(server.Start(Flags("127.0.0.1:0")));
  ASSERT_EQ(server.addresses().size(), 2u);
  const std::string& address = server.addresses()[0];
  ChannelSecurity security;
  security.ca_file = lab() / "ca.crt";
  EXPECT_EQ(Ask(address, security).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  security.ca_file = stranger() / "ca.crt";
  EXPECT_EQ(Ask(address, security).error_code(), grpc::StatusCode::UNAVAILABLE);
  // Loopback without a CA is spoken to in the clear, which this server does not understand.
  EXPECT_EQ(Ask(address, {}).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ACertificateOfABenchHasToBeSignedByTheLab) {
  ServerProcess server;
  ASSERT_TRUE(server.Start(Flags("127.0.0.1:0")));
  ChannelSecurity security;
  security.ca_file = lab() / "ca.crt";
  security.cert_file = lab() / "bench1.crt";
  security.key_file = lab() / "bench1.key";
  // It makes a bench of who shows it, no more.
  EXPECT_EQ(Ask(server.addresses()[0], security).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  grpc::ClientContext context;
  v1::Identification who;
  const auto channel = OpenChannel(server.addresses()[0], security, grpc::ChannelArguments());
  ASSERT_TRUE(v1::AccessService::NewStub(*channel)->WhoAmI(&context, {}, &who).ok());
  EXPECT_EQ(who.by(), "certificate bench1");
  EXPECT_EQ(who.role(), v1::ROLE_AGENT);
  security.cert_file = stranger() / "bench1.crt";
  security.key_file = stranger() / "bench1.key";
  EXPECT_EQ(Ask(server.addresses()[0], security).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, BeyondLoopbackNeedsACertificateThatFitsItsKey) {
  const std::vector<std::string> state = {"--state", dir_.path() / "s"};
  const auto run = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), state.begin(), state.end());
    return ServerProcess::Run(flags);
  };
  EXPECT_EQ(run({"--listen", "0.0.0.0:0"}), 1);
  EXPECT_EQ(run({"--listen", "0.0.0.0:0", "--tls-cert", lab() / "server.crt"}), 1);
  EXPECT_EQ(run({"--tls-cert", lab() / "server.crt", "--tls-key", stranger() / "server.key"}), 1);
  EXPECT_EQ(run({"--tls-cert", lab() / "server.key", "--tls-key", lab() / "server.key"}), 1);
  EXPECT_EQ(run({"--tls-cert", "/nowhere", "--tls-key", lab() / "server.key"}), 1);
  EXPECT_EQ(run({"--tls-client-ca", lab() / "ca.crt"}), 1);
  ServerProcess server;
  EXPECT_TRUE(server.Start(Flags("0.0.0.0:0")));
}

TEST(Channel, SecretsDoNotStayInTheEnvironment) {
  ASSERT_EQ(setenv("TINYRIG_TOKEN_OF_TEST", "tinyrig_secret", 1), 0);
  EXPECT_EQ(TakeSecretVariable("TINYRIG_TOKEN_OF_TEST"), "tinyrig_secret");
  EXPECT_EQ(std::getenv("TINYRIG_TOKEN_OF_TEST"), nullptr);
  EXPECT_EQ(TakeSecretVariable("TINYRIG_TOKEN_OF_TEST"), "");
}

TEST(Channel, RefusesWhatCannotBeUsed) {
  ChannelSecurity security;
  const auto code = [&](const std::string& address) {
    return OpenChannel(address, security, grpc::ChannelArguments()).status().code();
  };
  EXPECT_EQ(code("unix:/nowhere"), Code::kOk);
  security.token = "two\nlines";
  EXPECT_EQ(code("unix:/nowhere"), Code::kInvalidArgument);
  security = {};
  security.token_file = "/nowhere/token";
  EXPECT_EQ(code("unix:/nowhere"), Code::kInvalidArgument);
  security = {};
  security.ca_file = "/dev/null";
  EXPECT_EQ(code("example.org:7410"), Code::kInvalidArgument);
  for (const char* local : {"unix:/x", "127.0.0.1:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(IsLocalAddress(local)) << local;
  }
  for (const char* far : {"127.0.0.1.evil.org:1", "0.0.0.0:1", "[::]:1", "localhost.evil:1", ""}) {
    EXPECT_FALSE(IsLocalAddress(far)) << far;
  }
}

}  // namespace
}  // namespace tinyrig::server
