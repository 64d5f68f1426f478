#include "server/api/admission.h"

#include <grpc/grpc_security_constants.h>

namespace tinyrig::server {
namespace {

// What gRPC calls a peer whose connection it was given, as the gateway's.
constexpr const char* kInProcess = "fd:";

std::string Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

}  // namespace

Result<Caller> Admit(const grpc::CallbackServerContext& context, Backend& backend,
                     const google::protobuf::Descriptor* request) {
  Credentials credentials;
  credentials.peer = context.peer();
  // The gateway says for whom it calls: for the audit log, it gives no rights.
  const bool in_process = credentials.peer.starts_with(kInProcess);
  if (in_process) credentials.peer = Metadata(context, "x-tinyrig-peer");
  credentials.authorization = Metadata(context, "authorization");
  credentials.local_socket = !in_process && credentials.peer.starts_with("unix:");
  const auto auth = context.auth_context();
  // Only a verified certificate makes a peer authenticated.
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    if (!names.empty()) credentials.certificate = {names[0].data(), names[0].size()};
  }
  return backend.gate.Admit(credentials, request);
}

}  // namespace tinyrig::server
