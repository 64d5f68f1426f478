#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>

#include "server/service/backend.h"

namespace tinyrig::server {

/// Who makes this call, if the method that takes `request` is open to them: by token, else by
/// certificate, else by having come through a unix socket. Errors: those of Gate::Admit().
Result<Caller> Admit(const grpc::CallbackServerContext& context, Backend& backend,
                     const google::protobuf::Descriptor* request);

}  // namespace tinyrig::server
