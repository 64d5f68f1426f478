#include "proto/channel/channel.h"

#include <fmt/format.h>
#include <grpcpp/support/client_interceptor.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/channel/pem.h"

namespace tinyrig {
namespace {

constexpr std::array<std::string_view, 3> kLoopback = {"127.0.0.1", "[::1]", "localhost"};
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr size_t kMaxTokenBytes = 256;

// gRPC's own call credentials refuse channels without TLS, which unix sockets are.
class TokenBearer final : public grpc::experimental::Interceptor {
 public:
  explicit TokenBearer(const std::string& value) : value_(value) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("authorization", value_);
    }
    methods->Proceed();
  }

 private:
  const std::string& value_;  // Of the factory, which lives as long as the channel.
};

class TokenBearers final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenBearers(const std::string& token) : value_("Bearer " + token) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new TokenBearer(value_);
  }

 private:
  const std::string value_;
};

Result<std::string> TokenOf(const ChannelSecurity& security) {
  std::string token = security.token;
  if (!security.token_file.empty()) {
    std::ifstream file(security.token_file);
    if (!std::getline(file, token)) {
      return Status(Code::kInvalidArgument,
                    fmt::format("no token can be read from '{}'; it should hold what 'tinyrig "
                                "token create' printed",
                                security.token_file));
    }
  }
  const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; };
  if (token.size() > kMaxTokenBytes || !std::ranges::all_of(token, plain)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("what {} holds is no token: letters, digits, '_' and '-' only",
                              security.token_file.empty() ? "TINYRIG_TOKEN" : security.token_file));
  }
  return token;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> TlsCredentials(const ChannelSecurity& security) {
  grpc::SslCredentialsOptions options;
  const std::string roots = security.ca_file.empty() ? kSystemRoots : security.ca_file;
  TRY_ASSIGN(options.pem_root_certs, ReadPem(roots, "who signs the server's certificate (--ca)"));
  if (security.cert_file.empty() != security.key_file.empty()) {
    return Status(Code::kInvalidArgument, "a certificate and its key belong together: give both");
  }
  if (!security.cert_file.empty()) {
    TRY_ASSIGN(options.pem_cert_chain, ReadPem(security.cert_file, "our certificate"));
    TRY_ASSIGN(options.pem_private_key, ReadPem(security.key_file, "the key of our certificate"));
  }
  return grpc::SslCredentials(options);
}

}  // namespace

bool IsLocalAddress(const std::string& address) {
  if (address.starts_with("unix:")) return true;
  const std::string_view host = std::string_view(address).substr(0, address.rfind(':'));
  return std::ranges::find(kLoopback, host) != kLoopback.end();
}

Result<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                   const ChannelSecurity& security,
                                                   const grpc::ChannelArguments& arguments) {
  TRY_ASSIGN(const std::string token, TokenOf(security));
  const bool plain =
      IsLocalAddress(address) && (address.starts_with("unix:") || security.ca_file.empty());
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!plain) {
    TRY_ASSIGN(credentials, TlsCredentials(security));
  }
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  if (!token.empty()) interceptors.push_back(std::make_unique<TokenBearers>(token));
  return grpc::experimental::CreateCustomChannelWithInterceptors(address, credentials, arguments,
                                                                 std::move(interceptors));
}

std::string TakeSecretVariable(const char* name) {
  char* value = std::getenv(name);
  if (value == nullptr) return "";
  std::string secret = value;
  std::memset(value, 0, secret.size());
  unsetenv(name);
  return secret;
}

}  // namespace tinyrig
