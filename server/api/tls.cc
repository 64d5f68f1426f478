#include "server/api/tls.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "proto/channel/pem.h"

namespace tinyrig::server {
namespace {

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;

std::unique_ptr<BIO, Freer<BIO, BIO_free_all>> Reading(const std::string& text) {
  return std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without a callback OpenSSL would ask the terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<TlsIdentity> LoadTls(const TlsFiles& files) {
  if (files.cert.empty() || files.key.empty()) {
    return Status(Code::kInvalidArgument,
                  "--tls-cert and --tls-key belong together, and --tls-client-ca needs both");
  }
  TlsIdentity tls;
  TRY_ASSIGN(tls.cert_chain, ReadPem(files.cert, "--tls-cert"));
  TRY_ASSIGN(tls.key, ReadPem(files.key, "--tls-key"));
  if (!files.client_ca.empty()) {
    TRY_ASSIGN(tls.client_ca, ReadPem(files.client_ca, "--tls-client-ca"));
  }
  const Certificate certificate(
      PEM_read_bio_X509(Reading(tls.cert_chain).get(), nullptr, NoPassphrase, nullptr));
  const Key key(PEM_read_bio_PrivateKey(Reading(tls.key).get(), nullptr, NoPassphrase, nullptr));
  if (certificate == nullptr) {
    return Status(Code::kInvalidArgument,
                  fmt::format("--tls-cert: '{}' holds no certificate", files.cert));
  }
  if (key == nullptr) {
    return Status(Code::kInvalidArgument,
                  fmt::format("--tls-key: '{}' holds no key that can be read without a passphrase",
                              files.key));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("the key '{}' does not belong to the certificate '{}'", files.key, files.cert));
  }
  return tls;
}

std::shared_ptr<grpc::ServerCredentials> GrpcCredentials(const TlsIdentity& tls) {
  grpc::SslServerCredentialsOptions options(tls.client_ca.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls.client_ca;
  options.pem_key_cert_pairs.push_back({tls.key, tls.cert_chain});
  return grpc::SslServerCredentials(options);
}

}  // namespace tinyrig::server
