#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "proto/status/status.h"

namespace tinyrig::server {

struct TlsFiles {
  std::string cert;  ///< PEM, the chain of the server's certificate.
  std::string key;   ///< PEM.
  std::string
      client_ca;  ///< PEM of who signs the certificates of benches; empty: none are asked for.
};

/// What the files held, checked: the key fits the certificate.
struct TlsIdentity {
  std::string cert_chain;
  std::string key;
  std::string client_ca;
};

/// Errors: kInvalidArgument, naming the file.
Result<TlsIdentity> LoadTls(const TlsFiles& files);

/// A client may show a certificate; one that was not signed by client_ca ends the connection.
std::shared_ptr<grpc::ServerCredentials> GrpcCredentials(const TlsIdentity& tls);

}  // namespace tinyrig::server
